// SPDX-License-Identifier: Apache-2.0
// Order and gaps. Heads and bodies: http1_messages.cpp, exchanges: http1_pairing.cpp, ends:
// http1_ends.cpp.
#include "agent/protocol/http1/http1_connection.h"

#include <algorithm>

namespace tacit::protocol::http1 {

using connection::ByteStream;
using connection::HeldTransfer;
using connection::Place;
using connection::position_difference;

namespace {

// Changes of direction without a message head, after which a connection joined in mid-stream is
// held not to be HTTP: there, each change to the requests' direction begins with a head.
constexpr uint32_t kMaxTurns = 16;
constexpr uint64_t kMaxSkipBytes = 1U << 30;

std::string_view text_of(const connection::Transfer& transfer) {
  return {reinterpret_cast<const char*>(transfer.bytes.data()), transfer.bytes.size()};
}

}  // namespace

Http1Connection::Http1Connection(const Options& options, ExchangeSink& sink, Counters& counters,
                                 Role role, bool from_start)
    : kept_request_(options.request_headers),
      kept_response_(options.response_headers),
      sink_(sink),
      counters_(counters),
      role_(role),
      from_start_(from_start),
      uncertain_(!from_start) {
  if (from_start) return;
  for (Side& s : sides_) s.state = State::kSeek;
}

void Http1Connection::start_at(uint32_t receive_position, uint32_t send_position) {
  side(Direction::kReceive).stream.start_at(receive_position);
  side(Direction::kSend).stream.start_at(send_position);
  side(Direction::kReceive).certain_end = receive_position;
  side(Direction::kSend).certain_end = send_position;
}

void Http1Connection::on_transfer(const Transfer& transfer) {
  if (ignored_ || closed_ || transfer.length == 0) return;
  Side& s = side(transfer.direction);
  if (!http_seen_ && !recognise(s, transfer)) return;
  if (thread_ == 0) thread_ = transfer.actor.tid;
  several_threads_ |= thread_ != transfer.actor.tid;
  if (!s.stream.started()) s.stream.start_at(first_position(s, transfer));

  Side& other = side(connection::opposite(transfer.direction));
  if (has_hole(other)) let_go(other, true);
  order(s, transfer);
  if (is_request_side(s) && !ignored_) let_go(responses(), false);
}

// Where a direction began, judged by its first transfer: there, unless a request tells that
// responses stood at an earlier position, so that bytes are missing.
uint32_t Http1Connection::first_position(const Side& s, const Transfer& transfer) {
  if (!is_response_side(s) || queue_.empty()) return transfer.begin();
  const uint32_t known = queue_.front().peer_end;
  return position_difference(transfer.begin(), known) > 0 ? known : transfer.begin();
}

// False: this is not HTTP, and the connection is ignored from now on.
bool Http1Connection::recognise(const Side& s, const Transfer& transfer) {
  if (transfer.direction != last_direction_) ++turns_;
  last_direction_ = transfer.direction;
  const bool tls = s.state == State::kSeek && looks_like_tls(text_of(transfer));
  if (!tls && turns_ <= kMaxTurns) return true;
  ignore(counters_.not_http_connections);
  return false;
}

void Http1Connection::order(Side& s, const Transfer& transfer) {
  if (s.stream.holding()) return order_held(s, transfer);
  Transfer rest = transfer;
  const Place place = s.stream.place(rest);
  if (place == Place::kStale) {
    ++counters_.stale_transfers;
    return;
  }
  if (place == Place::kAhead) {
    const int64_t hole = s.stream.distance_to(rest.begin());
    const uint64_t harmless = s.state == State::kBody ? s.body.known_span() : 0;
    if (several_threads_ && static_cast<uint64_t>(hole) > harmless) return hold(s, rest);
    gap(s, static_cast<uint64_t>(hole));
  }
  if (must_wait(s, rest)) return hold(s, rest);
  deliver(s, rest);
}

// Something waits already: for bytes before it (a hole), or for its request.
void Http1Connection::order_held(Side& s, Transfer transfer) {
  const bool hole = has_hole(s);
  const Place place = s.stream.place(transfer);
  if (place == Place::kStale) ++counters_.stale_transfers;
  if (place == Place::kInOrder && hole) {
    ++counters_.reordered_transfers;
    if (must_wait(s, transfer)) {
      hold(s, transfer);
    } else {
      deliver(s, transfer);
    }
    return let_go(s, false);  // a hole that is left has become smaller: wait on
  }
  if (place != Place::kStale) hold(s, transfer);
  if (hole) let_go(s, true);
}

bool Http1Connection::has_hole(const Side& s) const {
  const Transfer* first = s.stream.first_held();
  return first != nullptr && s.stream.distance_to(first->begin()) > 0;
}

void Http1Connection::hold(Side& s, const Transfer& transfer) {
  const bool fits = buffered_bytes() + transfer.bytes.size() <= kMaxBufferedBytes;
  if (fits && s.stream.hold(transfer)) return;
  // No room to wait: what is there goes its way in order of position, holes are gaps.
  s.forced = true;
  const int64_t distance = s.stream.distance_to(transfer.begin());
  if (distance > 0) {
    let_go(s, true);
    Transfer rest = transfer;
    if (s.stream.place(rest) == Place::kAhead) {
      gap(s, static_cast<uint64_t>(s.stream.distance_to(rest.begin())));
    }
    deliver(s, rest);
  } else {
    deliver(s, transfer);
    let_go(s, true);
  }
  s.forced = false;
}

// Delivers what is held and need not wait any longer.
void Http1Connection::let_go(Side& s, bool over_holes) {
  while (const Transfer* first = s.stream.first_held()) {
    if (ignored_) return;
    const int64_t distance = s.stream.distance_to(first->begin());
    if (distance > 0 && !over_holes) return;
    if (distance > 0) gap(s, static_cast<uint64_t>(distance));
    if (must_wait(s, *first)) return;
    const std::optional<HeldTransfer> held = s.stream.take_first();
    Transfer transfer = held->transfer();
    if (s.stream.place(transfer) == Place::kInOrder) deliver(s, transfer);
  }
}

// Nothing more will come: requests first, so that waiting responses still find theirs.
void Http1Connection::let_go_all() {
  if (role_ == Role::kUnknown) return;
  let_go(requests(), true);
  if (ignored_) return;
  responses().forced = true;
  let_go(responses(), true);
  responses().forced = false;
}

void Http1Connection::deliver(Side& s, const Transfer& transfer) {
  if (ignored_ || !deliver_bytes(s, transfer) || ignored_) return;
  if (transfer.bytes.size() >= transfer.length) return;
  if (s.state == State::kBody) s.last_ns = transfer.time_ns;
  gap(s, transfer.length - transfer.bytes.size());
}

// False: the rest of the transfer was put aside.
bool Http1Connection::deliver_bytes(Side& s, const Transfer& transfer) {
  std::string_view text = text_of(transfer).substr(0, transfer.length);
  s.stream.advance(transfer.inserted);
  if (s.state == State::kMaybeBody) {
    StartLine line(Expect::kRequest);
    s.state = line.feed(text) == Start::kRequest ? State::kHead : State::kBody;
  }
  if (s.state == State::kSeek && !text.empty() && !seek(s, text)) {
    s.stream.advance(static_cast<uint32_t>(text.size()));
    if (is_response_side(s)) responses_may_be_lost(s.stream.expected(), transfer.peer_end);
    return true;
  }
  while (!text.empty()) {
    size_t used = text.size();
    if (s.state == State::kHead) {
      used = take_head(s, transfer, text);
    } else if (s.state == State::kBody) {
      used = take_body(s, transfer, text);
    }
    if (ignored_) return true;
    if (used == kWait) {
      Transfer rest = transfer;
      connection::drop_front(rest, s.stream.expected() - transfer.begin());
      hold(s, rest);
      return false;
    }
    s.stream.advance(static_cast<uint32_t>(used));
    text.remove_prefix(used);
  }
  return true;
}

// `bytes` bytes passed that nobody saw.
void Http1Connection::gap(Side& s, uint64_t bytes) {
  if (s.state == State::kBody) {
    const uint64_t harmless = s.body.skip(bytes);
    s.stream.advance(static_cast<uint32_t>(harmless));
    bytes -= harmless;
    note_body(s);
    if (s.body.done()) end_body(s, s.stream.expected());
  }
  if (bytes == 0) return;
  s.stream.advance(static_cast<uint32_t>(bytes));
  if (s.state == State::kStopped) return;
  if (s.state == State::kSeek) {
    if (is_response_side(s)) responses_may_be_lost();
    return;
  }
  ++counters_.gaps;
  lose(s);
}

std::optional<uint32_t> Http1Connection::skip_until(Direction direction) const {
  const Side& s = side(direction);
  if (s.state != State::kBody || s.stream.holding() || ignored_ || closed_) return std::nullopt;
  uint64_t span = s.body.known_span();
  if (s.body.kind() == Body::Kind::kLength && span > 0) --span;
  if (span == 0) return std::nullopt;
  return s.stream.expected() + static_cast<uint32_t>(std::min(span, kMaxSkipBytes));
}

size_t Http1Connection::buffered_bytes() const {
  size_t bytes = 0;
  for (const Side& s : sides_) bytes += s.pending.size() + s.stream.held_bytes();
  return bytes;
}

}  // namespace tacit::protocol::http1
