// SPDX-License-Identifier: Apache-2.0
// Text that leaves must be valid UTF-8: OTLP receivers refuse a whole batch for one bad byte in a
// protobuf string, and a terminal obeys what it is sent. Pure functions, any thread.
#pragma once
#include <string>
#include <string_view>

namespace tacit::exporters {

struct CodePoint {
  char32_t value = 0;
  size_t length = 0;  // bytes used; 0: the text starts with a byte that is no valid UTF-8
};

// First code point of a non-empty text. Overlong forms, surrogates and values above U+10FFFF are
// invalid (RFC 3629).
CodePoint decode_utf8(std::string_view text);

// Length of the leading run that is valid UTF-8.
size_t valid_utf8_prefix(std::string_view text);

// Appends the text; each byte that is no valid UTF-8 becomes U+FFFD.
void append_valid_utf8(std::string& out, std::string_view text);

// False for what can steer a terminal or hide text: C0, DEL, C1, bidirectional and other invisible
// format characters, line separators, private use and noncharacters.
bool is_printable(char32_t c);

// For a terminal: what is printable stays, other code points become \u{HEX}, bad bytes \xHH.
void append_printable(std::string& out, std::string_view text);

// A JSON string with its quotes: invalid bytes become U+FFFD, what is not printable is escaped.
void append_json_string(std::string& out, std::string_view text);

}  // namespace tacit::exporters
