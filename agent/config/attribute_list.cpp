// SPDX-License-Identifier: Apache-2.0
#include "agent/config/attribute_list.h"

namespace tacit::config {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Result<void> add_pair(std::string_view item, Pairs& pairs) {
  const size_t equals = item.find('=');
  if (equals == std::string_view::npos)
    return fail("an item has no '='; write key=value,key=value");
  auto key = percent_decode(trim(item.substr(0, equals)));
  auto value = percent_decode(trim(item.substr(equals + 1)));
  if (!key) return std::unexpected(key.error());
  if (key->empty()) return fail("an item has no key; write key=value,key=value");
  if (!value) return std::unexpected(value.error());
  pairs[*std::move(key)] = *std::move(value);
  if (pairs.size() > kMaxPairs) return fail("more than 128 items");
  return {};
}

}  // namespace

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

Result<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0)
      return fail("'%' needs two hexadecimal digits after it; write %25 for '%'");
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

Result<Pairs> parse_pairs(std::string_view text) {
  Pairs pairs;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const auto item = trim(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    if (item.empty()) continue;
    if (auto added = add_pair(item, pairs); !added) return std::unexpected(added.error());
  }
  return pairs;
}

}  // namespace tacit::config
