// SPDX-License-Identifier: Apache-2.0
#include "agent/protocol/http1/start_line.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace tacit::protocol::http1 {
namespace {

// RFC 9110 section 5.6.2.
constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[c] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[c] = table[c - 'a' + 'A'] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<uint8_t>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kToken = make_token_table();

// Bytes of a request target. RFC 3986 allows fewer, but real clients send raw UTF-8, quotes, …
bool is_target_byte(char c) { return static_cast<uint8_t>(c) > 0x20 && c != 0x7f; }

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Compares as much of `wanted` as is there.
bool begins_like(std::string_view text, std::string_view wanted) {
  const size_t n = std::min(text.size(), wanted.size());
  return std::memcmp(text.data(), wanted.data(), n) == 0;
}

constexpr std::string_view kVersion = "HTTP/1.";
constexpr std::string_view kHttp2Line = "PRI * HTTP/2.0";
constexpr uint32_t kStatusLineBytes = 12;  // HTTP/1.x NNN

}  // namespace

Start StartLine::feed(std::string_view text) {
  if (text.empty()) return Start::kMaybe;
  Start result = Start::kMaybe;
  if (stage_ == Stage::kBegin) result = feed_begin(text);
  if (stage_ == Stage::kMethod) result = feed_method(text);
  if (stage_ == Stage::kTarget) result = feed_target(text);
  if (stage_ == Stage::kVersion) result = feed_version(text);
  if (stage_ == Stage::kReason) result = feed_reason(text);
  return result;
}

Start StartLine::feed_begin(std::string_view text) {
  if (expect_ != Expect::kRequest && begins_like(text, kVersion)) {
    // '/' ends every method, so that from six bytes on it can only be a response.
    return feed_status(text);
  }
  if (expect_ == Expect::kResponse) return Start::kNo;
  stage_ = Stage::kMethod;
  return Start::kMaybe;
}

Start StartLine::feed_status(std::string_view text) {
  if (text.size() <= kStatusLineBytes) {
    // A shorter text is judged again from its beginning: it is at most twelve bytes.
    if (text.size() > 7 && !is_digit(text[7])) return Start::kNo;
    if (text.size() > 8 && text[8] != ' ') return Start::kNo;
    for (size_t i = 9; i < text.size(); ++i)
      if (!is_digit(text[i])) return Start::kNo;
    return Start::kMaybe;
  }
  const char after = text[kStatusLineBytes];
  if (!is_digit(text[7]) || text[8] != ' ' || text[9] < '1' || text[9] > '9' ||
      !is_digit(text[10]) || !is_digit(text[11]) ||
      (after != ' ' && after != '\r' && after != '\n')) {
    return Start::kNo;
  }
  minor_version_ = static_cast<int8_t>(text[7] - '0');
  status_ = static_cast<int16_t>((text[9] - '0') * 100 + (text[10] - '0') * 10 + (text[11] - '0'));
  position_ = kStatusLineBytes;
  stage_ = Stage::kReason;
  return Start::kMaybe;
}

Start StartLine::feed_reason(std::string_view text) {
  const void* end = std::memchr(text.data() + position_, '\n', text.size() - position_);
  if (end == nullptr) {
    position_ = static_cast<uint32_t>(text.size());
    return Start::kMaybe;
  }
  position_ = static_cast<uint32_t>(static_cast<const char*>(end) - text.data()) + 1;
  stage_ = Stage::kDone;
  return Start::kResponse;
}

Start StartLine::feed_method(std::string_view text) {
  size_t end = position_;
  while (end < text.size() && kToken[static_cast<uint8_t>(text[end])]) ++end;
  position_ = static_cast<uint32_t>(end);
  if (position_ > kMaxMethodBytes) return Start::kNo;
  if (position_ == text.size()) return Start::kMaybe;
  if (position_ == 0 || text[position_] != ' ') return Start::kNo;
  method_bytes_ = position_;
  target_begin_ = ++position_;
  stage_ = Stage::kTarget;
  return Start::kMaybe;
}

Start StartLine::feed_target(std::string_view text) {
  size_t end = position_;
  while (end < text.size() && is_target_byte(text[end])) ++end;
  position_ = static_cast<uint32_t>(end);
  if (position_ == text.size()) return Start::kMaybe;
  if (position_ == target_begin_ || text[position_] != ' ') return Start::kNo;
  target_end_ = position_;
  stage_ = Stage::kVersion;
  return Start::kMaybe;
}

Start StartLine::feed_version(std::string_view text) {
  // At most ten bytes are missing: the target's end is remembered, the rest is judged again.
  const std::string_view rest = text.substr(target_end_ + 1);
  if (!begins_like(rest, kVersion))
    return text.starts_with(kHttp2Line)   ? Start::kHttp2
           : kHttp2Line.starts_with(text) ? Start::kMaybe
                                          : Start::kNo;
  if (rest.size() <= kVersion.size()) return Start::kMaybe;
  if (!is_digit(rest[7])) return Start::kNo;
  if (rest.size() == 8) return Start::kMaybe;
  size_t end = 8;
  if (rest[end] == '\r' && rest.size() == ++end) return Start::kMaybe;
  if (rest[end] != '\n') return Start::kNo;
  minor_version_ = static_cast<int8_t>(rest[7] - '0');
  position_ = static_cast<uint32_t>(target_end_ + 1 + end + 1);
  stage_ = Stage::kDone;
  return Start::kRequest;
}

bool looks_like_tls(std::string_view text) {
  if (text.size() < 3) return false;
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  if (byte(0) < 20 || byte(0) > 24 || byte(1) != 3 || byte(2) > 4) return false;
  // 2^14 bytes of plaintext and at most 2048 more (RFC 5246 section 6.2.3).
  return text.size() < 5 || (byte(3) << 8 | byte(4)) <= 16384 + 2048;
}

}  // namespace tacit::protocol::http1
