// SPDX-License-Identifier: Apache-2.0
#include "agent/config/value_parsers.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "agent/base/log.h"
#include "agent/config/config_draft.h"

namespace tacit::config {
namespace {

char lower(unsigned char c) { return static_cast<char>(std::tolower(c)); }

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

// A field name of RFC 9110, section 5.1 (token).
bool is_token(std::string_view text) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && text.size() <= 128 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isalnum(c) || kMarks.find(static_cast<char>(c)) != std::string_view::npos;
         });
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

std::string spell_out(const std::vector<std::string_view>& names) {
  std::string out;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " and " : ", ";
    out += names[i];
  }
  return out;
}

bool parse_whole(std::string_view text, uint64_t low, uint64_t high, uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && out >= low && out <= high;
}

Result<void> set_boolean(std::string_view text, bool& out) {
  return choose(text, out,
                {{"true", true}, {"false", false}, {"yes", true}, {"no", false}, {"on", true},
                 {"off", false}, {"1", true}, {"0", false}},
                2);
}

Result<void> set_ratio(std::string_view text, double& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error == std::errc{} && end == text.data() + text.size() && out >= 0.0 && out <= 1.0)
    return {};
  return fail("it must be a number from 0 to 1");
}

Result<void> set_ratios(const std::map<std::string, std::string>& pairs,
                        std::map<std::string, double>& out) {
  for (const auto& [name, text] : pairs)
    if (auto set = set_ratio(text, out[name]); !set) return set;
  return {};
}

Result<void> set_duration(std::string_view text, std::chrono::milliseconds& out) {
  static constexpr std::pair<std::string_view, uint64_t> kUnits[] = {
      {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};
  constexpr uint64_t kDay = 86'400'000;
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  uint64_t factor = digits == text.size() ? 1 : 0;
  for (const auto& [unit, milliseconds] : kUnits)
    if (text.substr(digits) == unit) factor = milliseconds;
  uint64_t count = 0;
  if (factor == 0 || !parse_whole(text.substr(0, digits), 1, kDay / factor, count))
    return fail("it must be a time such as 500ms, 10s or 5m (a bare number means milliseconds)");
  out = std::chrono::milliseconds(count * factor);
  return {};
}

Result<void> set_text(std::string_view text, std::string& out) {
  if (text.empty() || text.size() > 4096 || has_control(text))
    return fail("it must be a text of 1 to 4096 bytes without control characters");
  out = text;
  return {};
}

Result<void> set_host(std::string_view text, std::string& out) {
  if (!text.empty() && text.size() <= 255 &&
      std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isalnum(c) || c == '.' || c == '-' || c == ':' || c == '%' || c == '_';
      })) {
    out = text;
    return {};
  }
  return fail("it must be a host name or an address, without a port");
}

Result<void> set_endpoint(std::string_view text, std::string& out) {
  auto endpoint = parse_endpoint(text);
  if (!endpoint) return std::unexpected(endpoint.error());
  out = text;
  return {};
}

Result<void> set_protocol(std::string_view text, OtlpProtocol& out) {
  if (text == "http/json")
    return fail("OTLP as JSON is not supported; allowed are grpc and http/protobuf");
  return choose(text, out,
                {{"grpc", OtlpProtocol::kGrpc}, {"http/protobuf", OtlpProtocol::kHttpProtobuf}});
}

Result<void> set_headers(const std::map<std::string, std::string>& pairs,
                         std::map<std::string, std::string>& out) {
  out.clear();
  for (const auto& [key, text] : pairs) {
    // What is no name may be a misplaced secret, so it is not repeated.
    if (!is_token(key)) return fail("a header's name holds a character that names cannot have");
    if (has_control(text) || text.size() > 8192)
      return fail("the value of " + key + " is longer than 8192 bytes or holds a line break");
    out[lower_case(key)] = text;
  }
  return {};
}

Result<void> set_header_names(const std::vector<std::string>& names,
                              std::vector<std::string>& out) {
  out.clear();
  if (names.size() > 64) return fail("at most 64 headers can be named");
  for (const auto& text : names) {
    if (!is_token(text)) return fail("\"" + log::escape(text, 64) + "\" is no header name");
    auto name = lower_case(text);
    if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(std::move(name));
  }
  return {};
}

Result<void> set_routes(const std::vector<std::string>& patterns, std::vector<std::string>& out) {
  if (patterns.size() > 1000) return fail("at most 1000 routes can be given");
  for (const auto& pattern : patterns)
    if (pattern.empty() || pattern[0] != '/' || pattern.size() > 1024 || has_control(pattern))
      return fail("a route begins with '/', such as /items/{id}");
  out = patterns;
  return {};
}

}  // namespace tacit::config
