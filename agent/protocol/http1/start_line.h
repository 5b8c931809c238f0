// SPDX-License-Identifier: Apache-2.0
// Recognises the first line of an HTTP/1.x message (RFC 9112 sections 3 and 4), strictly enough
// not to take another protocol for HTTP. Resumable: a line that arrives byte by byte is looked at
// once. Holds offsets only; the text stays with the caller. Loop thread.
#pragma once
#include <cstdint>
#include <string_view>

namespace tacit::protocol::http1 {

enum class Start : uint8_t {
  kMaybe,     // so far it fits
  kRequest,   // a whole request line
  kResponse,  // a whole status line
  kHttp2,     // the HTTP/2 connection preface (RFC 9113 section 3.4)
  kNo,        // neither
};

// Which kinds of message may begin here.
enum class Expect : uint8_t { kRequest, kResponse, kEither };

class StartLine {
 public:
  static constexpr uint32_t kMaxMethodBytes = 32;

  explicit StartLine(Expect expect = Expect::kEither) : expect_(expect) {}

  // `text` begins at the message's first byte and only ever grows between calls.
  Start feed(std::string_view text);

  // After kRequest or kResponse:
  uint32_t line_bytes() const { return position_; }  // with its line end
  int minor_version() const { return minor_version_; }
  std::string_view method(std::string_view text) const { return text.substr(0, method_bytes_); }
  std::string_view target(std::string_view text) const {
    return text.substr(target_begin_, target_end_ - target_begin_);
  }
  int status() const { return status_; }

 private:
  enum class Stage : uint8_t { kBegin, kMethod, kTarget, kVersion, kReason, kDone };
  Start feed_begin(std::string_view text);
  Start feed_method(std::string_view text);
  Start feed_target(std::string_view text);
  Start feed_version(std::string_view text);
  Start feed_status(std::string_view text);
  Start feed_reason(std::string_view text);

  Expect expect_;
  Stage stage_ = Stage::kBegin;
  int8_t minor_version_ = 1;
  int16_t status_ = 0;
  uint32_t position_ = 0;  // everything before it was looked at
  uint32_t method_bytes_ = 0;
  uint32_t target_begin_ = 0;
  uint32_t target_end_ = 0;
};

// The first bytes of a TLS record (RFC 8446 section 5.1): type, version 3.x, plausible length.
bool looks_like_tls(std::string_view text);

}  // namespace tacit::protocol::http1
