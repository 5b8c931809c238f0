// SPDX-License-Identifier: Apache-2.0
#include "agent/trace/trace_context.h"

#include <algorithm>
#include <span>

namespace tacit::trace {
namespace {

constexpr size_t kVersion00Bytes = 55;  // 2 + 1 + 32 + 1 + 16 + 1 + 2

int hex_value(char c) {  // lower case only, section 3.2.2
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool read_hex(std::string_view text, std::span<uint8_t> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    const int high = hex_value(text[i * 2]);
    const int low = hex_value(text[i * 2 + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<uint8_t>(high * 16 + low);
  }
  return true;
}

bool all_zero(std::span<const uint8_t> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b == 0; });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_member(std::string_view member) {
  const size_t equals = member.find('=');
  if (equals == 0 || equals == std::string_view::npos || equals > 256) return false;
  return std::all_of(member.begin(), member.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view header) {
  const std::string_view text = trim(header);
  if (text.size() < kVersion00Bytes) return {};
  uint8_t version = 0;
  if (!read_hex(text, {&version, 1}) || version == 0xFF) return {};
  if (text.size() > kVersion00Bytes && (version == 0 || text[kVersion00Bytes] != '-')) return {};
  if (text[2] != '-' || text[35] != '-' || text[52] != '-') return {};
  TraceContext context;
  if (!read_hex(text.substr(3), context.trace_id)) return {};
  if (!read_hex(text.substr(36), context.span_id)) return {};
  if (!read_hex(text.substr(53), {&context.flags, 1})) return {};
  if (all_zero(context.trace_id) || all_zero(context.span_id)) return {};
  return context;
}

std::string valid_tracestate(std::string_view header) {
  std::string out;
  size_t members = 0;
  while (!header.empty()) {
    const size_t end = std::min(header.find(','), header.size());
    const std::string_view member = trim(header.substr(0, end));
    header.remove_prefix(std::min(end + 1, header.size()));
    if (member.empty()) continue;  // empty members are allowed
    if (!is_member(member) || ++members > kMaxTraceStateMembers) return {};
    const size_t comma = out.empty() ? 0 : 1;
    if (out.size() + comma + member.size() > kMaxTraceStateBytes) break;
    if (comma != 0) out += ',';
    out += member;
  }
  return out;
}

}  // namespace tacit::trace
