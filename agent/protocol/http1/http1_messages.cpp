// SPDX-License-Identifier: Apache-2.0
// Heads and bodies of one direction; what they mean for exchanges is in http1_pairing.cpp.
#include "agent/protocol/http1/http1_connection.h"

namespace tacit::protocol::http1 {

using connection::position_difference;

namespace {

// A head's buffer larger than this is given back once the head is complete.
constexpr size_t kPendingKept = 16 * 1024;
// Responses that are no HTTP, after which a connection is given up.
constexpr uint32_t kMaxResponseErrors = 8;

}  // namespace

Expect Http1Connection::expectation(const Side& s) const {
  if (role_ == Role::kUnknown) return Expect::kEither;
  return is_request_side(s) ? Expect::kRequest : Expect::kResponse;
}

// A client's response that no reported request can have caused, while request bytes that were
// written before it was read have not been reported.
bool Http1Connection::must_wait(const Side& s, const Transfer& transfer) const {
  if (role_ != Role::kClient || s.forced || is_request_side(s)) return false;
  if (s.state != State::kHead && s.state != State::kSeek) return false;
  if (!s.pending.empty()) return false;
  if (!uncertain_ && !queue_.empty()) return false;
  const Side& request = side(request_direction());
  if (request.state == State::kStopped) return false;
  if (!request.stream.started()) return from_start_;
  return position_difference(transfer.peer_end, request.stream.expected()) > 0;
}

// Does a message begin where this transfer begins?
bool Http1Connection::seek(Side& s, std::string_view text) {
  StartLine line(expectation(s));
  const Start start = line.feed(text);
  if (start == Start::kHttp2 && !http_seen_) ignore(counters_.http2_connections);
  if (start != Start::kRequest && start != Start::kResponse) return false;
  s.state = State::kHead;
  ++counters_.resyncs;
  return true;
}

size_t Http1Connection::take_head(Side& s, const Transfer& transfer, std::string_view text) {
  if (!s.pending.empty()) return continue_head(s, transfer, text);
  // Empty lines before a message are to be ignored (RFC 9112 section 2.2).
  size_t blank = 0;
  while (blank < text.size() && (text[blank] == '\r' || text[blank] == '\n')) ++blank;
  if (blank > 0) return blank;
  if (must_wait(s, transfer)) return kWait;
  return begin_head(s, transfer, text);
}

size_t Http1Connection::begin_head(Side& s, const Transfer& transfer, std::string_view text) {
  s.first_position = s.stream.expected();
  const bool begins_transfer = s.first_position == transfer.begin() + transfer.inserted;
  s.inserted = begins_transfer ? transfer.inserted : 0;
  s.first_peer_end = transfer.peer_end;
  s.first_actor = transfer.actor;
  s.first_ns = transfer.time_ns;
  s.line = StartLine(expectation(s));
  s.start = s.line.feed(text);
  if (s.start == Start::kNo || s.start == Start::kHttp2) {
    wrong_start(s);
    return text.size();
  }
  if (s.start != Start::kMaybe) {
    const size_t line_bytes = s.line.line_bytes();
    const KeptNames& kept = s.start == Start::kRequest ? kept_request_ : kept_response_;
    const size_t fields_bytes = parse_fields(text.substr(line_bytes), kept, fields_);
    const size_t head_bytes = line_bytes + fields_bytes;
    if (fields_bytes > 0 && head_bytes <= kMaxHeadBytes) {
      finish_head(s, text.substr(0, head_bytes), transfer);
      return head_bytes;
    }
    s.head_end = HeadEnd(line_bytes);
  }
  store_head(s, text);
  return text.size();
}

// Keeps the bytes of a head that is not complete. False: there are too many of them.
bool Http1Connection::store_head(Side& s, std::string_view text) {
  if (s.pending.size() + text.size() > kMaxHeadBytes ||
      buffered_bytes() + text.size() > kMaxBufferedBytes) {
    head_too_large(s);
    return false;
  }
  s.pending.append(text);
  return true;
}

size_t Http1Connection::continue_head(Side& s, const Transfer& transfer, std::string_view text) {
  const size_t before = s.pending.size();
  const std::string_view fitting = text.substr(0, kMaxHeadBytes - before);
  if (!store_head(s, fitting)) return text.size();
  if (s.start == Start::kMaybe) {
    s.start = s.line.feed(s.pending);
    if (s.start == Start::kNo || s.start == Start::kHttp2) {
      wrong_start(s);
      return text.size();
    }
    if (s.start != Start::kMaybe) s.head_end = HeadEnd(s.line.line_bytes());
  }
  const size_t head_bytes = s.start == Start::kMaybe ? 0 : s.head_end.find(s.pending);
  if (head_bytes == 0) {
    if (fitting.size() < text.size()) head_too_large(s);
    return text.size();
  }
  const std::string_view head = std::string_view(s.pending).substr(0, head_bytes);
  const KeptNames& kept = s.start == Start::kRequest ? kept_request_ : kept_response_;
  parse_fields(head.substr(s.line.line_bytes()), kept, fields_);
  finish_head(s, head, transfer);
  s.pending.clear();
  if (s.pending.capacity() > kPendingKept) s.pending.shrink_to_fit();
  return head_bytes - before;
}

// fields_ is filled; `head` lives until this returns.
void Http1Connection::finish_head(Side& s, std::string_view head, const Transfer& transfer) {
  const bool request = s.start == Start::kRequest;
  if (role_ == Role::kUnknown) {
    const bool received = transfer.direction == Direction::kReceive;
    role_ = request == received ? Role::kServer : Role::kClient;
  }
  if (request != is_request_side(s)) return wrong_start(s);
  http_seen_ = true;
  s.last_ns = transfer.time_ns;
  s.last_actor = transfer.actor;
  if (request) return request_head(s, head, transfer.peer_end);
  response_head(s, head);
}

void Http1Connection::wrong_start(Side& s) {
  if (s.start == Start::kHttp2 && !http_seen_) return ignore(counters_.http2_connections);
  if (!http_seen_) return ignore(counters_.not_http_connections);
  if (is_request_side(s)) {
    // After CONNECT or Upgrade a client may speak something else before it was allowed to.
    const bool leaving = !queue_.empty() && (queue_.back().is_connect || queue_.back().upgrade);
    ++(leaving ? counters_.early_upgrades : counters_.protocol_errors);
    return lose(s);
  }
  ++counters_.protocol_errors;
  if (!uncertain_ && !queue_.empty()) {
    const bool whole = queue_.front().response_whole;
    emit(whole ? Outcome::kComplete : Outcome::kProtocolError, s.first_ns);
  }
  lose(s);
  if (++response_errors_ >= kMaxResponseErrors) ignore(counters_.not_http_connections);
}

void Http1Connection::head_too_large(Side& s) {
  ++counters_.head_too_large;
  if (!http_seen_ && s.start == Start::kMaybe) return ignore(counters_.not_http_connections);
  lose(s);
}

size_t Http1Connection::take_body(Side& s, const Transfer& transfer, std::string_view text) {
  const size_t used = s.body.consume(text);
  s.last_ns = transfer.time_ns;
  note_body(s);
  if (s.body.failed()) {
    wrong_framing(s);
    return text.size();
  }
  if (s.body.done()) end_body(s, s.stream.expected() + static_cast<uint32_t>(used));
  return used;
}

void Http1Connection::note_body(Side& s) {
  if (is_request_side(s)) {
    if (request_open_) queue_.back().exchange.request_body_bytes = s.body.data_bytes();
  } else if (response_open_) {
    queue_.front().exchange.response_body_bytes = s.body.data_bytes();
  }
}

void Http1Connection::end_body(Side& s, uint32_t end) {
  s.state = State::kHead;
  if (is_request_side(s)) {
    if (request_open_) request_whole(queue_.back(), end, s.last_ns);
  } else if (response_open_) {
    s.certain_end = end;
    response_whole(queue_.front(), s.last_ns);
  }
}

// A length that is none, or chunk framing that is none: where the message ends cannot be told.
void Http1Connection::wrong_framing(Side& s) {
  ++counters_.protocol_errors;
  if (is_request_side(s)) {
    // The server must refuse it and close (RFC 9112 section 6.3); what follows may be anything.
    s.state = State::kStopped;
    if (!request_open_) return;
    queue_.back().exchange.request_body_known = false;
    return request_over(queue_.back());
  }
  if (response_open_) {
    queue_.front().exchange.response_body_known = false;
    emit(Outcome::kProtocolError, s.last_ns);
  }
  lose(s);
  if (++response_errors_ >= kMaxResponseErrors) ignore(counters_.not_http_connections);
}

// Forgets the message this direction was in; from here on nothing is taken for granted.
void Http1Connection::lose(Side& s) {
  if (s.state == State::kHead) s.head_lost = true;
  s.pending.clear();
  s.state = State::kSeek;
  uncertain_ = true;
  if (role_ == Role::kUnknown) return;
  if (is_request_side(s)) {
    if (request_open_) {
      queue_.back().exchange.request_body_known = false;
      request_over(queue_.back());
    }
  } else {
    if (response_open_) {
      queue_.front().exchange.response_body_known = false;
      emit(Outcome::kUnknown, s.last_ns);
    }
    responses_may_be_lost();
  }
  give_up_pairing();
}

}  // namespace tacit::protocol::http1
