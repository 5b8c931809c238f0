// SPDX-License-Identifier: Apache-2.0
// Which response answers which request, and when an exchange is over.
#include <algorithm>

#include "agent/protocol/http1/http1_connection.h"

namespace tacit::protocol::http1 {

using connection::position_difference;

namespace {

// What is kept of one header's value.
constexpr size_t kMaxValueBytes = 8192;
constexpr size_t kMaxTracestateBytes = 4096;

void keep_headers(const HeadFields& fields, const KeptNames& names,
                  std::vector<std::pair<std::string, std::string>>& to) {
  for (const auto& [index, value] : fields.kept) {
    to.emplace_back(names[index], std::string());
    assign_value(to.back().second, value, fields.folded, kMaxValueBytes);
  }
}

void join_tracestates(const HeadFields& fields, std::string& to) {
  if (fields.tracestate_count == 0) return;
  assign_value(to, fields.tracestates[0], fields.folded, kMaxTracestateBytes);
  std::string next;
  for (uint32_t i = 1; i < fields.tracestate_count; ++i) {
    assign_value(next, fields.tracestates[i], fields.folded, kMaxTracestateBytes);
    if (to.size() + 1 + next.size() > kMaxTracestateBytes) return;
    to += ',';
    to += next;
  }
}

uint64_t last_seen(const HttpExchange& e) {
  return std::max({e.request_first_ns, e.request_last_ns, e.response_first_ns, e.response_last_ns});
}

}  // namespace

void Http1Connection::request_head(Side& s, std::string_view head, uint32_t peer_end) {
  if (queue_.full()) return ignore(counters_.pipeline_overflows);
  OpenExchange& open = queue_.push();
  open.peer_end = peer_end;
  open.head_end = s.first_position + static_cast<uint32_t>(head.size());
  fill_request(open, s, head);
  queue_.add_text(open);
  sink_.on_request(open.exchange);
  request_open_ = true;
  notice_pipelining(open);
  start_request_body(s, queue_.back());
}

void Http1Connection::fill_request(OpenExchange& open, const Side& s, std::string_view head) {
  HttpExchange& e = open.exchange;
  e.role = role_;
  e.method.assign(s.line.method(head));
  e.target.assign(s.line.target(head).substr(0, kMaxTargetBytes));
  e.request_minor_version = s.line.minor_version();
  if (!fields_.host.empty()) assign_value(e.host, fields_.host, fields_.folded, kMaxValueBytes);
  if (!fields_.user_agent.empty())
    assign_value(e.user_agent, fields_.user_agent, fields_.folded, kMaxValueBytes);
  if (fields_.traceparents == 1)
    assign_value(e.traceparent, fields_.traceparent, fields_.folded, kMaxValueBytes);
  join_tracestates(fields_, e.tracestate);
  keep_headers(fields_, kept_request_, e.request_headers);
  e.request_first_ns = s.first_ns;
  e.request_actor = s.first_actor;
  e.request_head_actor = s.last_actor;
  e.request_begin = s.first_position - s.inserted;
  open.expect_continue = fields_.expect_continue;
  open.upgrade = fields_.upgrade;
  open.is_head = e.method == "HEAD";
  open.is_connect = e.method == "CONNECT";
}

// RFC 9112 section 6.3.
void Http1Connection::start_request_body(Side& s, OpenExchange& open) {
  const bool has_body = (fields_.has_transfer_encoding || fields_.has_length) && !open.is_connect;
  const bool wrong = fields_.has_transfer_encoding ? !fields_.chunked : fields_.bad_length;
  if (has_body && wrong) return wrong_framing(s);
  if (!has_body) {
    s.body.start(Body::Kind::kNone);
  } else if (fields_.has_transfer_encoding) {
    s.body.start(Body::Kind::kChunked);
  } else {
    s.body.start(Body::Kind::kLength, fields_.length);
  }
  s.state = State::kBody;
  if (s.body.done()) end_body(s, open.head_end);
}

// Was `open`, the latest request, sent before an older one was answered?
void Http1Connection::notice_pipelining(const OpenExchange& open) {
  // A request was missed, and nothing was sent that could have answered it.
  Side& request = requests();
  if (request.head_lost && responses().certain_end == open.peer_end) pipelined_ = true;
  request.head_lost = false;
  // The response direction stood where an answer to an older one is still to begin or to end. (A
  // client's sample may be late, which hides this; match_response() looks from the other side.)
  if (queue_.size() > 1) {
    const Side& response = responses();
    uint32_t answered = queue_[queue_.size() - 2].peer_end;
    if (response.stream.started() && (!uncertain_ || response_open_)) {
      answered = response.stream.expected();
      const bool by_length = response_open_ && response.body.kind() == Body::Kind::kLength;
      if (by_length) answered += static_cast<uint32_t>(response.body.known_span()) - 1;
    }
    if (position_difference(open.peer_end, answered) <= 0) pipelined_ = true;
  }
  if (pipelined_ && uncertain_) pairing_lost_ = true;
}

void Http1Connection::response_head(Side& s, std::string_view head) {
  OpenExchange* open = match_response(s);
  if (open == nullptr) {
    ++counters_.orphan_responses;
    s.state = State::kSeek;
    uncertain_ = true;
    responses_may_be_lost(s.first_position, s.first_peer_end);
    return give_up_pairing();
  }
  const int status = s.line.status();
  if (status < 200 && status != 101) {  // interim: the final one is still to come
    open->continue_sent |= status == 100;
    open->peer_end = s.first_position + static_cast<uint32_t>(head.size());
    return;
  }
  fill_response(*open, s);
  if (status == 101 || (open->is_connect && status < 300)) {
    open->exchange.upgraded = true;
    open->exchange.response_last_ns = std::max(s.last_ns, open->exchange.response_first_ns);
    emit(Outcome::kComplete, s.last_ns);
    return ignore(counters_.upgraded_connections);
  }
  start_response_body(s, *open, s.first_position + static_cast<uint32_t>(head.size()));
}

// The request that the response at `s` answers; none where that is not certain. Older requests,
// which will not be answered any more, leave.
OpenExchange* Http1Connection::match_response(const Side& s) {
  if (pairing_lost_) return nullptr;
  if (!queue_.empty() && queue_.front().response_whole) {
    // Answered before it was sent whole, and now another answer begins.
    emit(Outcome::kComplete, queue_.front().exchange.response_last_ns);
  }
  if (queue_.empty()) return nullptr;
  if (uncertain_) return match_by_position(s);
  OpenExchange& open = queue_.front();
  if (role_ == Role::kServer) {
    return position_difference(open.peer_end, s.first_position) > 0 ? nullptr : &open;
  }
  if (position_difference(open.head_end, s.first_peer_end) > 0) return nullptr;
  if (open.request_whole && position_difference(s.first_peer_end, open.end) > 0) pipelined_ = true;
  return &open;
}

OpenExchange* Http1Connection::match_by_position(const Side& s) {
  const bool server = role_ == Role::kServer;
  while (!queue_.empty()) {
    const OpenExchange& open = queue_.front();
    if (!server && !open.request_over) return nullptr;
    // How far before the response the request lies.
    const uint32_t end = open.request_whole ? open.end : open.head_end;
    const int32_t before = server ? position_difference(s.first_position, open.peer_end)
                                  : position_difference(s.first_peer_end, end);
    if (before < 0) return nullptr;
    // A client's request is written after the answer before it was read. (The position may have
    // been taken late, when its own answer had been read too.)
    const bool after_older =
        server || (open.request_whole && position_difference(open.peer_end, s.first_position) >= 0);
    if (before == 0 && after_older) {
      uncertain_ = false;
      return &queue_.front();
    }
    if (!open.response_may_be_lost) {  // an older one without an answer: this peer pipelines
      pipelined_ = true;
      return nullptr;
    }
    emit(Outcome::kUnknown, 0);
  }
  return nullptr;
}

void Http1Connection::fill_response(OpenExchange& open, const Side& s) {
  HttpExchange& e = open.exchange;
  open.response_begun = true;
  response_open_ = true;
  e.status = s.line.status();
  e.response_minor_version = s.line.minor_version();
  e.response_first_ns = s.first_ns;
  e.response_actor = s.first_actor;
  keep_headers(fields_, kept_response_, e.response_headers);
}

// RFC 9112 section 6.3.
void Http1Connection::start_response_body(Side& s, OpenExchange& open, uint32_t head_end) {
  const int status = open.exchange.status;
  if (open.is_head || status == 204 || status == 304) {
    s.body.start(Body::Kind::kNone);
  } else if (fields_.has_transfer_encoding) {
    s.body.start(fields_.chunked ? Body::Kind::kChunked : Body::Kind::kUntilClose);
  } else if (fields_.bad_length) {
    return wrong_framing(s);
  } else if (fields_.has_length) {
    s.body.start(Body::Kind::kLength, fields_.length);
  } else {
    s.body.start(Body::Kind::kUntilClose);
  }
  s.state = State::kBody;
  if (s.body.done()) end_body(s, head_end);
}

// Nothing more will come of the latest request.
void Http1Connection::request_over(OpenExchange& open) {
  request_open_ = false;
  open.request_over = true;
  emit_finished();
}

void Http1Connection::request_whole(OpenExchange& open, uint32_t end, uint64_t time_ns) {
  open.request_whole = true;
  open.end = end;
  open.exchange.request_last_ns = std::max(time_ns, open.exchange.request_first_ns);
  request_over(open);
}

void Http1Connection::response_whole(OpenExchange& open, uint64_t time_ns) {
  response_open_ = false;
  open.response_whole = true;
  open.exchange.response_last_ns = std::max(time_ns, open.exchange.response_first_ns);
  Side& request = requests();
  const bool refused = open.expect_continue && !open.continue_sent && request_open_ &&
                       queue_.size() == 1 && open.exchange.request_body_bytes == 0;
  if (refused && request.state == State::kBody) {
    // The client was told in time not to send the body: it may, but need not (RFC 9110 10.1.1).
    request.state = State::kMaybeBody;
    return request_over(open);
  }
  emit_finished();
}

void Http1Connection::emit_finished() {
  while (!queue_.empty()) {
    const OpenExchange& open = queue_.front();
    if (!open.request_over) return;
    if (open.response_whole) {
      emit(Outcome::kComplete, 0);
    } else if (pairing_lost_ && !response_open_) {
      emit(Outcome::kUnknown, 0);
    } else {
      return;
    }
  }
}

// Hands out the oldest exchange. It cannot have ended before it was last seen.
void Http1Connection::emit(Outcome outcome, uint64_t end_ns, int error_number) {
  HttpExchange& e = queue_.front().exchange;
  e.outcome = outcome;
  e.error_number = error_number;
  e.end_ns = std::max(end_ns, last_seen(e));
  if (queue_.size() == 1) request_open_ = false;
  response_open_ = false;
  sink_.on_exchange(e);
  queue_.pop();
}

// After a loss: a connection that pipelines will not be certain again.
void Http1Connection::give_up_pairing() {
  if (!pipelined_) return;
  pairing_lost_ = true;
  emit_finished();
}

// A response at `position`, read when the other direction stood at `peer_end`, was not understood:
// it may have been the answer to any request that came before it.
void Http1Connection::responses_may_be_lost(uint32_t position, uint32_t peer_end) {
  for (size_t i = 0; i < queue_.size(); ++i) {
    const int32_t after = role_ == Role::kServer
                              ? position_difference(position, queue_[i].peer_end)
                              : position_difference(peer_end, queue_[i].head_end);
    if (after >= 0) queue_[i].response_may_be_lost = true;
  }
}

void Http1Connection::responses_may_be_lost() {
  for (size_t i = 0; i < queue_.size(); ++i) queue_[i].response_may_be_lost = true;
}

void Http1Connection::ignore(uint64_t& counter) {
  ++counter;
  emit_all(Outcome::kUnknown, Outcome::kUnknown, 0, 0);
  close();
  ignored_ = true;
}

}  // namespace tacit::protocol::http1
