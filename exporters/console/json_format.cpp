// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <iterator>
#include <span>

#include "exporters/console/span_format.h"
#include "exporters/utf8.h"

namespace tacit::exporters {
namespace {

using telemetry::Attributes;
using telemetry::AttributeValue;
using telemetry::Span;
using telemetry::SpanKind;
using telemetry::StatusCode;

void append_hex(std::string& out, std::span<const uint8_t> bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (const uint8_t byte : bytes) {
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
}

// By hand instead of fmt: numbers and times are half of a line's cost.
template <typename T>
void append_integer(std::string& out, T value) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

// With leading zeros.
void append_digits(std::string& out, uint64_t value, size_t width) {
  const size_t end = out.size() + width;
  out.resize(end);
  for (size_t i = 1; i <= width; ++i, value /= 10) {
    out[end - i] = static_cast<char>('0' + value % 10);
  }
}

void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {  // JSON has no such numbers; OTLP's JSON writes these strings
    out += std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    return;
  }
  const size_t start = out.size();
  fmt::format_to(std::back_inserter(out), "{}", value);
  // A double stays one when it is read back.
  if (out.find_first_of(".e", start) == std::string::npos) out += ".0";
}

struct ValueWriter {
  std::string& out;
  void operator()(const std::string& value) const { append_json_string(out, value); }
  void operator()(int64_t value) const { append_integer(out, value); }
  void operator()(double value) const { append_number(out, value); }
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(const std::vector<std::string>& values) const {
    out += '[';
    for (const std::string& value : values) {
      if (&value != values.data()) out += ',';
      append_json_string(out, value);
    }
    out += ']';
  }
};

void append_attributes(std::string& out, const Attributes& attributes) {
  out += '{';
  for (const auto& attribute : attributes) {
    if (&attribute != attributes.data()) out += ',';
    append_json_string(out, attribute.key);
    out += ':';
    std::visit(ValueWriter{out}, attribute.value);
  }
  out += '}';
}

void append_time(std::string& out, const char* key, uint64_t unix_ns) {
  out += key;
  append_rfc3339(out, unix_ns);
  out += '"';
}

const char* kind_name(SpanKind kind) {
  switch (kind) {
    case SpanKind::kServer:
      return "SERVER";
    case SpanKind::kClient:
      return "CLIENT";
    case SpanKind::kInternal:
      break;
  }
  return "INTERNAL";
}

const char* status_name(StatusCode status) {
  switch (status) {
    case StatusCode::kOk:
      return "OK";
    case StatusCode::kError:
      return "ERROR";
    case StatusCode::kUnset:
      break;
  }
  return "UNSET";
}

void append_ids(std::string& out, const Span& span) {
  out += ",\"trace_id\":\"";
  append_hex(out, span.trace_id);
  out += "\",\"span_id\":\"";
  append_hex(out, span.span_id);
  out += '"';
  if (span.parent_span_id != telemetry::SpanId{}) {
    out += ",\"parent_span_id\":\"";
    append_hex(out, span.parent_span_id);
    out += span.parent_is_remote ? "\",\"parent_is_remote\":true" : "\",\"parent_is_remote\":false";
  }
  if (!span.trace_state.empty()) {
    out += ",\"trace_state\":";
    append_json_string(out, span.trace_state);
  }
}

void append_events(std::string& out, const std::vector<telemetry::SpanEvent>& events) {
  out += ",\"events\":[";
  for (const auto& event : events) {
    out += &event == events.data() ? "{\"name\":" : ",{\"name\":";
    append_json_string(out, event.name);
    append_time(out, ",\"time\":\"", event.time_unix_ns);
    out += ",\"time_unix_nano\":\"";
    append_integer(out, event.time_unix_ns);
    out += "\",\"attributes\":";
    append_attributes(out, event.attributes);
    out += '}';
  }
  out += ']';
}

}  // namespace

void append_rfc3339(std::string& out, uint64_t unix_ns) {
  const std::chrono::seconds since_epoch{unix_ns / 1'000'000'000};
  const auto days = std::chrono::floor<std::chrono::days>(since_epoch);
  const std::chrono::year_month_day date{std::chrono::sys_days{days}};
  const auto second = (since_epoch - days).count();
  append_digits(out, static_cast<uint64_t>(static_cast<int>(date.year())), 4);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_digits(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_digits(out, static_cast<uint64_t>(second / 3600), 2);
  out += ':';
  append_digits(out, static_cast<uint64_t>(second / 60 % 60), 2);
  out += ':';
  append_digits(out, static_cast<uint64_t>(second % 60), 2);
  out += '.';
  append_digits(out, unix_ns % 1'000'000'000, 9);
  out += 'Z';
}

void append_span_json(std::string& out, const Span& span) {
  out += "{\"name\":";
  append_json_string(out, span.name);
  out += ",\"kind\":\"";
  out += kind_name(span.kind);
  out += '"';
  append_ids(out, span);
  append_time(out, ",\"start_time\":\"", span.start_unix_ns);
  append_time(out, ",\"end_time\":\"", span.end_unix_ns);
  const uint64_t duration_ns =
      span.end_unix_ns > span.start_unix_ns ? span.end_unix_ns - span.start_unix_ns : 0;
  out += ",\"start_time_unix_nano\":\"";
  append_integer(out, span.start_unix_ns);
  out += "\",\"end_time_unix_nano\":\"";
  append_integer(out, span.end_unix_ns);
  out += "\",\"duration_ms\":";
  append_integer(out, duration_ns / 1'000'000);
  out += '.';
  append_digits(out, duration_ns % 1'000'000, 6);
  out += ",\"status\":{\"code\":\"";
  out += status_name(span.status);
  out += "\",\"message\":";
  append_json_string(out, span.status_message);
  out += "},\"attributes\":";
  append_attributes(out, span.attributes);
  append_events(out, span.events);
  out += ",\"resource\":";
  if (span.resource) {
    append_attributes(out, span.resource->attributes);
  } else {
    out += "{}";
  }
  out += "}\n";
}

}  // namespace tacit::exporters
