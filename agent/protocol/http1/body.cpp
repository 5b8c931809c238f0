// SPDX-License-Identifier: Apache-2.0
#include "agent/protocol/http1/body.h"

#include <algorithm>
#include <cstring>

namespace tacit::protocol::http1 {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

void Body::start(Kind kind, uint64_t length) {
  kind_ = kind;
  data_bytes_ = 0;
  any_digit_ = false;
  remaining_ = 0;
  switch (kind) {
    case Kind::kNone:
      state_ = State::kDone;
      break;
    case Kind::kLength:
      remaining_ = length;
      state_ = length == 0 ? State::kDone : State::kData;
      break;
    case Kind::kChunked:
      state_ = State::kSize;
      break;
    case Kind::kUntilClose:
      remaining_ = kEndless;
      state_ = State::kData;
      break;
  }
}

size_t Body::consume(std::string_view text) {
  size_t used = 0;
  while (used < text.size() && !done() && !failed()) {
    if (state_ == State::kData) {
      const uint64_t count = std::min<uint64_t>(remaining_, text.size() - used);
      take_data(count);
      used += count;
    } else if (state_ == State::kSizeLine || state_ == State::kTrailerLine) {
      const char* from = text.data() + used;
      const void* end = std::memchr(from, '\n', text.size() - used);
      if (end == nullptr) return text.size();
      used += static_cast<size_t>(static_cast<const char*>(end) - from);
      take_framing(text[used++]);
    } else {
      take_framing(text[used++]);
    }
  }
  return used;
}

uint64_t Body::skip(uint64_t count) {
  count = std::min(count, known_span());
  if (count > 0) take_data(count);
  return count;
}

uint64_t Body::known_span() const { return state_ == State::kData ? remaining_ : 0; }

bool Body::end_of_stream() {
  if (kind_ == Kind::kUntilClose) state_ = State::kDone;
  return done();
}

void Body::take_data(uint64_t count) {
  data_bytes_ += count;
  if (remaining_ != kEndless) remaining_ -= count;
  if (remaining_ > 0) return;
  state_ = kind_ == Kind::kChunked ? State::kDataEnd : State::kDone;
}

void Body::take_framing(char c) {
  switch (state_) {
    case State::kSize:
      take_size(c);
      break;
    case State::kSizeLine:
      if (c == '\n') end_of_size_line();
      break;
    case State::kDataEnd:
      state_ = c == '\r' ? State::kDataEndLf : c == '\n' ? State::kSize : State::kFailed;
      break;
    case State::kDataEndLf:
      state_ = c == '\n' ? State::kSize : State::kFailed;
      break;
    case State::kTrailer:
      state_ = c == '\r' ? State::kTrailerLf : c == '\n' ? State::kDone : State::kTrailerLine;
      break;
    case State::kTrailerLine:
      if (c == '\n') state_ = State::kTrailer;
      break;
    case State::kTrailerLf:
      state_ = c == '\n' ? State::kDone : State::kFailed;
      break;
    default:
      break;
  }
}

void Body::take_size(char c) {
  const int digit = hex_value(c);
  if (digit >= 0) {
    if (remaining_ >> 59) {  // the next digit would not fit, and kEndless has its own meaning
      state_ = State::kFailed;
      return;
    }
    remaining_ = remaining_ << 4 | static_cast<uint64_t>(digit);
    any_digit_ = true;
  } else if (any_digit_ && c == '\n') {
    end_of_size_line();
  } else if (any_digit_ && (c == '\r' || c == ';' || c == ' ' || c == '\t')) {
    state_ = State::kSizeLine;
  } else {
    state_ = State::kFailed;
  }
}

void Body::end_of_size_line() {
  any_digit_ = false;
  state_ = remaining_ == 0 ? State::kTrailer : State::kData;
}

}  // namespace tacit::protocol::http1
