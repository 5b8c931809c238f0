// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/clean_text.h"

#include <cstdint>

namespace tacit::discovery {
namespace {

bool continues(unsigned char c) { return (c & 0xc0) == 0x80; }

// Bytes of the character at the front (RFC 3629); 0: not valid.
size_t character_bytes(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = at(0);
  const size_t size = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2
                      : first >= 0xe0 && first < 0xf0                  ? 3
                      : first >= 0xf0 && first < 0xf5                  ? 4
                                                                       : 0;
  if (size == 0 || text.size() < size) return 0;
  for (size_t i = 1; i < size; ++i)
    if (!continues(at(i))) return 0;
  const bool overlong = (first == 0xe0 && at(1) < 0xa0) || (first == 0xf0 && at(1) < 0x90);
  const bool beyond = (first == 0xed && at(1) >= 0xa0) || (first == 0xf4 && at(1) >= 0x90);
  return overlong || beyond ? 0 : size;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t size = character_bytes(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace

std::string clean_text(std::string_view text, size_t limit) {
  const bool valid = is_utf8(text);
  size_t end = text.size();
  if (end > limit) {
    end = limit;
    while (valid && end > 0 && continues(static_cast<unsigned char>(text[end]))) --end;
  }
  std::string out(text.substr(0, end));
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !valid)) c = '_';
  }
  return out;
}

}  // namespace tacit::discovery
