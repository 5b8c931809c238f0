// SPDX-License-Identifier: Apache-2.0
#include "agent/semantics/request_target.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace tacit::semantics {
namespace {

constexpr size_t kMaxHostBytes = 255;  // RFC 1035 section 2.3.4

constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A table, as each exchange's Host header is looked at byte by byte.
using CharSet = std::array<bool, 256>;

constexpr CharSet char_set(std::string_view others) {
  CharSet set{};
  for (int c = 0; c < 128; ++c) {
    const char letter = static_cast<char>(c);
    set[static_cast<size_t>(c)] =
        is_alpha(letter) || is_digit(letter) || others.find(letter) != std::string_view::npos;
  }
  return set;
}

constexpr CharSet kHostChars = char_set(".-_~%");
constexpr CharSet kIpv6Chars = char_set(":.%");

bool consists_of(const CharSet& set, std::string_view text) {
  bool all = true;
  for (const char c : text) all = all && set[static_cast<uint8_t>(c)];
  return all;
}

bool is_scheme(std::string_view text) {
  return !text.empty() && is_alpha(text[0]) && std::all_of(text.begin(), text.end(), [](char c) {
    return is_alpha(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
}

void split_path_and_query(std::string_view text, RequestTarget& target) {
  text = text.substr(0, text.find('#'));
  const size_t mark = text.find('?');
  target.path = text.substr(0, mark);
  if (mark != std::string_view::npos) {
    target.query = text.substr(mark + 1);
    target.has_query = true;
  }
}

bool parse_port(std::string_view text, uint16_t& port) {
  if (text.empty()) return true;  // "host:" means the default port
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port != 0;
}

}  // namespace

RequestTarget parse_target(std::string_view method, std::string_view text) {
  RequestTarget target;
  if (!text.empty() && text[0] == '/') {
    target.form = TargetForm::kOrigin;
    split_path_and_query(text, target);
    return target;
  }
  if (text == "*") {
    target.form = TargetForm::kAsterisk;
    target.path = text;
    return target;
  }
  if (method == "CONNECT") {
    target.form = TargetForm::kAuthority;
    target.authority = text;
    return target;
  }
  const size_t mark = text.find("://");
  if (mark == std::string_view::npos || !is_scheme(text.substr(0, mark))) {
    split_path_and_query(text, target);
    return target;
  }
  target.form = TargetForm::kAbsolute;
  target.scheme = text.substr(0, mark);
  const std::string_view rest = text.substr(mark + 3);
  const size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  target.authority = rest.substr(0, end);
  split_path_and_query(rest.substr(end), target);
  if (target.path.empty()) target.path = "/";
  return target;
}

Authority parse_authority(std::string_view text) {
  Authority authority;
  if (const size_t at = text.rfind('@'); at != std::string_view::npos) {
    authority.has_user_info = true;
    text.remove_prefix(at + 1);
  }
  std::string_view host = text;
  std::string_view port;
  bool valid = false;
  if (!text.empty() && text[0] == '[') {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return authority;
    host = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && rest[0] != ':') return authority;
    if (!rest.empty()) port = rest.substr(1);
    valid = consists_of(kIpv6Chars, host);
  } else {
    if (const size_t colon = text.find(':'); colon != std::string_view::npos) {
      host = text.substr(0, colon);
      port = text.substr(colon + 1);
    }
    valid = consists_of(kHostChars, host);
  }
  uint16_t number = 0;
  if (!valid || host.empty() || host.size() > kMaxHostBytes || !parse_port(port, number)) {
    return authority;
  }
  authority.host = host;
  authority.port = number;
  return authority;
}

}  // namespace tacit::semantics
