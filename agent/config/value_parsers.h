// SPDX-License-Identifier: Apache-2.0
// Text → typed setting, with the rules and bounds of each. Pure functions; on failure the target
// is not to be used and the error says what would have been right, without repeating the value.
#pragma once
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/result.h"
#include "agent/config/config.h"

namespace tacit::config {

bool equal_ignoring_case(std::string_view a, std::string_view b);

// "a, b and c"
std::string spell_out(const std::vector<std::string_view>& names);

// One of `choices`, whatever the case. The first `listed` are named in the error; the rest are
// other spellings that are understood.
template <typename T>
Result<void> choose(std::string_view text, T& out,
                    std::initializer_list<std::pair<std::string_view, T>> choices,
                    size_t listed = std::numeric_limits<size_t>::max()) {
  std::vector<std::string_view> names;
  for (const auto& [name, value] : choices) {
    if (equal_ignoring_case(text, name)) {
      out = value;
      return {};
    }
    if (names.size() < listed) names.push_back(name);
  }
  return fail("allowed are " + spell_out(names));
}

// Decimal digits alone, within [low, high].
bool parse_whole(std::string_view text, uint64_t low, uint64_t high, uint64_t& out);

template <typename T>
bool parse_number(std::string_view text, uint64_t low, uint64_t high, T& out) {
  uint64_t number = 0;
  if (!parse_whole(text, low, high, number)) return false;
  out = static_cast<T>(number);
  return true;
}

template <typename T>
Result<void> set_number(std::string_view text, uint64_t low, uint64_t high, T& out) {
  if (parse_number(text, low, high, out)) return {};
  return fail("it must be a whole number from " + std::to_string(low) + " to " +
              std::to_string(high));
}

Result<void> set_boolean(std::string_view text, bool& out);
Result<void> set_ratio(std::string_view text, double& out);
Result<void> set_ratios(const std::map<std::string, std::string>& pairs,
                        std::map<std::string, double>& out);
// 1 ms to 24 h: digits, then ms, s, m or h; digits alone are milliseconds (as OTEL_ variables).
Result<void> set_duration(std::string_view text, std::chrono::milliseconds& out);
// At most 4096 bytes, no control characters, not empty.
Result<void> set_text(std::string_view text, std::string& out);
Result<void> set_host(std::string_view text, std::string& out);
Result<void> set_endpoint(std::string_view text, std::string& out);
Result<void> set_protocol(std::string_view text, OtlpProtocol& out);
// Names become lower case.
Result<void> set_headers(const std::map<std::string, std::string>& pairs,
                         std::map<std::string, std::string>& out);
Result<void> set_header_names(const std::vector<std::string>& names, std::vector<std::string>& out);
Result<void> set_routes(const std::vector<std::string>& patterns, std::vector<std::string>& out);

}  // namespace tacit::config
