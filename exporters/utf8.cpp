// SPDX-License-Identifier: Apache-2.0
#include "exporters/utf8.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>

namespace tacit::exporters {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Length of the leading run of ASCII, eight bytes at a time: nearly all text is only that.
size_t ascii_prefix(std::string_view text) {
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + i, 8);
    if (word & 0x8080808080808080ULL) break;
  }
  while (i < text.size() && static_cast<unsigned char>(text[i]) < 0x80) ++i;
  return i;
}

// Printable ASCII that JSON takes as it is, by byte.
constexpr auto kPlainJson = [] {
  std::array<bool, 256> plain{};
  for (size_t c = 0x20; c < 0x7F; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

bool is_plain_json(char c) { return kPlainJson[static_cast<unsigned char>(c)]; }

void append_json_escape(std::string& out, char32_t c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  auto sink = std::back_inserter(out);
  if (c <= 0xFFFF) {
    fmt::format_to(sink, "\\u{:04x}", static_cast<uint32_t>(c));
  } else {  // JSON escapes are UTF-16
    const uint32_t rest = static_cast<uint32_t>(c) - 0x10000;
    fmt::format_to(sink, "\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
  }
}

}  // namespace

CodePoint decode_utf8(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return {first, 1};
  size_t length = 0;
  char32_t value = 0;
  char32_t smallest = 0;
  if ((first & 0xE0) == 0xC0) {
    length = 2, value = first & 0x1F, smallest = 0x80;
  } else if ((first & 0xF0) == 0xE0) {
    length = 3, value = first & 0x0F, smallest = 0x800;
  } else if ((first & 0xF8) == 0xF0) {
    length = 4, value = first & 0x07, smallest = 0x10000;
  }
  if (length == 0 || text.size() < length) return {};
  for (size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) return {};
    value = (value << 6) | (static_cast<unsigned char>(text[i]) & 0x3F);
  }
  if (value < smallest || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return {};
  return {value, length};
}

size_t valid_utf8_prefix(std::string_view text) {
  size_t i = ascii_prefix(text);
  while (i < text.size()) {
    const CodePoint point = decode_utf8(text.substr(i));
    if (point.length == 0) break;
    i += point.length;
  }
  return i;
}

void append_valid_utf8(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const size_t good = valid_utf8_prefix(text);
    out += text.substr(0, good);
    text.remove_prefix(good);
    if (text.empty()) return;
    out += kReplacement;
    text.remove_prefix(1);
  }
}

bool is_printable(char32_t c) {
  if (c < 0x20 || (c >= 0x7F && c < 0xA0)) return false;
  if (c < 0xAD) return true;
  if (c == 0xAD || c == 0x061C || c == 0x180E || c == 0xFEFF) return false;
  if (c >= 0x200B && c <= 0x200F) return false;  // zero width, left-to-right and back
  if (c >= 0x2028 && c <= 0x202E) return false;  // separators, embeddings, overrides
  if (c >= 0x2060 && c <= 0x206F) return false;  // invisible operators, isolates
  if (c >= 0xFFF9 && c <= 0xFFFB) return false;  // interlinear annotation
  if (c >= 0xE000 && c <= 0xF8FF) return false;  // private use
  if ((c & 0xFFFE) == 0xFFFE) return false;      // noncharacters
  return c < 0xE0000;                            // tags, private planes
}

void append_printable(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    if (point.length == 0) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(text[0]));
      text.remove_prefix(1);
      continue;
    }
    if (is_printable(point.value)) {
      out += text.substr(0, point.length);
    } else {
      fmt::format_to(std::back_inserter(out), "\\u{{{:x}}}", static_cast<uint32_t>(point.value));
    }
    text.remove_prefix(point.length);
  }
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    size_t plain = 0;
    while (plain < text.size() && is_plain_json(text[plain])) ++plain;
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const CodePoint point = decode_utf8(text);
    if (point.length == 0) {
      out += kReplacement;
      text.remove_prefix(1);
      continue;
    }
    if (is_printable(point.value) && point.value >= 0x80) {
      out += text.substr(0, point.length);
    } else {
      append_json_escape(out, point.value);
    }
    text.remove_prefix(point.length);
  }
  out += '"';
}

}  // namespace tacit::exporters
