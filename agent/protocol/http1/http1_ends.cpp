// SPDX-License-Identifier: Apache-2.0
// How streams end, and what becomes of the exchanges that are open then.
#include <algorithm>
#include <cerrno>

#include "agent/protocol/http1/http1_connection.h"

namespace tacit::protocol::http1 {

using connection::position_difference;

namespace {

bool ends_the_stream(int error_number) {
  switch (error_number) {
    case ECONNRESET:
    case EPIPE:
    case ETIMEDOUT:
    case ECONNABORTED:
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
    case ENETRESET:
    case ENOTCONN:
    case ESHUTDOWN:
    case EPROTO:
      return true;
    default:
      return false;
  }
}

}  // namespace

void Http1Connection::on_end_of_stream(Direction direction, uint64_t time_ns,
                                       std::optional<uint32_t> position) {
  if (ignored_ || closed_) return;
  let_go_all();
  if (ignored_) return;
  Side& s = side(direction);
  if (position) settle(s, *position, time_ns);
  s.ended = true;
  if (direction == Direction::kReceive && !side(Direction::kSend).ended) peer_ended_ = true;
  if (role_ == Role::kUnknown) return;
  if (is_request_side(s)) return end_requests();
  end_responses(time_ns);
}

void Http1Connection::on_error(Direction direction, int error_number, uint64_t time_ns,
                               connection::Actor) {
  if (ignored_ || closed_ || !ends_the_stream(error_number)) return;
  let_go_all();
  if (ignored_) return;
  if (role_ == Role::kClient && direction == Direction::kSend) {
    // What the server sent before it gave up can still be read.
    send_error_ = error_number;
    return end_requests();
  }
  fail(error_number, time_ns);
}

void Http1Connection::on_close(uint32_t receive_position, uint32_t send_position,
                               bool positions_known, int error_number, uint64_t time_ns) {
  if (ignored_ || closed_) return;
  let_go_all();
  if (ignored_) return;
  if (role_ == Role::kUnknown) return close();
  if (positions_known) {
    const bool server = role_ == Role::kServer;
    settle(requests(), server ? receive_position : send_position, time_ns);
    settle(responses(), server ? send_position : receive_position, time_ns);
  }
  if (error_number != 0) return fail(error_number, time_ns);
  end_requests();
  end_responses(time_ns);
}

void Http1Connection::finish(uint64_t time_ns) {
  if (ignored_ || closed_) return;
  let_go_all();
  if (ignored_) return;
  emit_all(Outcome::kUnknown, Outcome::kUnknown, 0, time_ns);
  close();
}

// The direction ended at `position`. A FIN may be counted in it: where a single byte more than
// fits was not seen, it was that.
void Http1Connection::settle(Side& s, uint32_t position, uint64_t time_ns) {
  if (!s.stream.started()) {
    // Bytes after the waiting request was read (or written), none of which were reported.
    if (is_response_side(s) && !queue_.empty() &&
        position_difference(position, queue_.front().peer_end) > 1) {
      responses_may_be_lost();
    }
    return;
  }
  int64_t missing = s.stream.distance_to(position) - (s.ended ? 1 : 0);
  if (missing <= 0) return;
  const uint64_t span = s.state == State::kBody ? s.body.known_span() : 0;
  if (missing == 1 || static_cast<uint64_t>(missing) == span + 1) --missing;
  if (missing == 0) return;
  if (s.state == State::kBody) s.last_ns = time_ns;
  gap(s, static_cast<uint64_t>(missing));
}

// No more bytes of requests.
void Http1Connection::end_requests() {
  Side& s = requests();
  s.state = State::kStopped;
  s.pending.clear();
  if (request_open_) request_over(queue_.back());
}

// No more bytes of responses, in order: nothing that waits will be answered.
void Http1Connection::end_responses(uint64_t time_ns) {
  Side& s = responses();
  if (response_open_ && send_error_ == 0 && s.body.end_of_stream()) {
    // Transfers that were reported late may carry earlier times than the head's.
    HttpExchange& e = queue_.front().exchange;
    e.response_last_ns = std::max(s.last_ns, e.response_first_ns);
    emit(Outcome::kComplete, time_ns);
  }
  if (send_error_ != 0) {
    emit_all(Outcome::kReset, Outcome::kReset, send_error_, time_ns);
  } else if (role_ == Role::kServer && peer_ended_) {
    emit_all(Outcome::kClientAborted, Outcome::kClientAborted, 0, time_ns);
  } else {
    emit_all(Outcome::kNoResponse, Outcome::kTruncated, 0, time_ns);
  }
  close();
}

void Http1Connection::fail(int error_number, uint64_t time_ns) {
  const bool peer_left =
      role_ == Role::kServer && (error_number == ECONNRESET || error_number == EPIPE);
  const Outcome outcome = peer_left ? Outcome::kClientAborted : Outcome::kReset;
  emit_all(outcome, outcome, error_number, time_ns);
  close();
}

// Every open exchange leaves: `unanswered` where no response began, `cut` where one did.
void Http1Connection::emit_all(Outcome unanswered, Outcome cut, int error_number,
                               uint64_t time_ns) {
  while (!queue_.empty()) {
    const OpenExchange& open = queue_.front();
    if (open.response_whole) {
      emit(Outcome::kComplete, open.exchange.response_last_ns);
    } else if (open.response_begun) {
      emit(cut, time_ns, error_number);
    } else if (open.response_may_be_lost) {
      emit(Outcome::kUnknown, time_ns);
    } else {
      emit(unanswered, time_ns, error_number);
    }
  }
}

void Http1Connection::close() {
  closed_ = true;
  for (Side& s : sides_) {
    s.stream.drop_held();
    s.pending = {};
  }
}

}  // namespace tacit::protocol::http1
