// SPDX-License-Identifier: Apache-2.0
// Counts a message body (RFC 9112 sections 6 and 7) without keeping a byte of it. A body whose
// present span is known lets bytes pass unseen. Loop thread.
#pragma once
#include <cstdint>
#include <limits>
#include <string_view>

namespace tacit::protocol::http1 {

class Body {
 public:
  enum class Kind : uint8_t { kNone, kLength, kChunked, kUntilClose };

  void start(Kind kind, uint64_t length = 0);

  // Takes bytes from the front of `text`; returns how many belong to the body. Stops where the
  // body is done() or failed().
  size_t consume(std::string_view text);

  // `count` bytes passed unseen: takes those that lie in the known span, and returns how many.
  uint64_t skip(uint64_t count);

  // How many of the next bytes need not be seen.
  uint64_t known_span() const;

  // The stream ended. True where that is this body's proper end.
  bool end_of_stream();

  Kind kind() const { return kind_; }
  bool done() const { return state_ == State::kDone; }
  bool failed() const { return state_ == State::kFailed; }  // chunk framing that is none
  uint64_t data_bytes() const { return data_bytes_; }       // without chunk framing

 private:
  enum class State : uint8_t {
    kData,         // of a length, a chunk, or until close: remaining_ says how much
    kSize,         // chunk-size digits
    kSizeLine,     // chunk extensions: up to the line's end
    kDataEnd,      // the line end after a chunk's data, its CR not yet seen
    kDataEndLf,    // … its CR seen
    kTrailer,      // at a trailer line's first byte
    kTrailerLine,  // inside of one
    kTrailerLf,    // the empty line's CR seen
    kDone,
    kFailed,
  };
  static constexpr uint64_t kEndless = std::numeric_limits<uint64_t>::max();

  void take_data(uint64_t count);
  void take_framing(char c);
  void take_size(char c);
  void end_of_size_line();

  Kind kind_ = Kind::kNone;
  State state_ = State::kDone;
  bool any_digit_ = false;
  uint64_t remaining_ = 0;
  uint64_t data_bytes_ = 0;
};

}  // namespace tacit::protocol::http1
