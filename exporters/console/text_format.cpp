// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <iterator>
#include <string_view>

#include "exporters/console/span_format.h"
#include "exporters/utf8.h"

namespace tacit::exporters {
namespace {

using telemetry::Span;
using telemetry::SpanKind;
using telemetry::StatusCode;

constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kPlain = "\x1b[0m";
constexpr size_t kLongestField = 256;  // bytes of one field; a terminal line is for reading

const telemetry::AttributeValue* find(const Span& span, std::string_view key) {
  for (const auto& attribute : span.attributes) {
    if (attribute.key == key) return &attribute.value;
  }
  return nullptr;
}

std::string_view find_text(const Span& span, std::string_view key) {
  const auto* value = find(span, key);
  const auto* text = value ? std::get_if<std::string>(value) : nullptr;
  return text ? std::string_view(*text) : std::string_view();
}

const int64_t* find_number(const Span& span, std::string_view key) {
  const auto* value = find(span, key);
  return value ? std::get_if<int64_t>(value) : nullptr;
}

void append_field(std::string& out, std::string_view text) {
  append_printable(out, text.substr(0, kLongestField));
  if (text.size() > kLongestField) out += "...";
}

void append_duration(std::string& out, uint64_t ns) {
  auto sink = std::back_inserter(out);
  if (ns < 1'000'000'000) {
    fmt::format_to(sink, " {}.{:02} ms", ns / 1'000'000, ns / 10'000 % 100);
  } else {
    fmt::format_to(sink, " {}.{:02} s", ns / 1'000'000'000, ns / 10'000'000 % 100);
  }
}

// A reader wants the path itself, not the route that groups it: method and path, for a client the
// whole URL. Spans without a request go by their name.
void append_what(std::string& out, const Span& span) {
  const std::string_view method = find_text(span, "http.request.method");
  const std::string_view where =
      find_text(span, span.kind == SpanKind::kClient ? "url.full" : "url.path");
  if (method.empty() || where.empty()) return append_field(out, span.name);
  append_field(out, method);
  out += ' ';
  append_field(out, where);
}

// Who is at the other end: the caller of a server, the server of a client whose URL does not say.
void append_peer(std::string& out, const Span& span) {
  const bool server = span.kind == SpanKind::kServer;
  if (!server && !find_text(span, "url.full").empty()) return;
  const std::string_view address = find_text(span, server ? "client.address" : "server.address");
  if (address.empty()) return;
  out += server ? " from " : " to ";
  append_field(out, address);
  const int64_t* port = server ? nullptr : find_number(span, "server.port");
  if (port) fmt::format_to(std::back_inserter(out), ":{}", *port);
}

const double* find_double(const Span& span, std::string_view key) {
  const auto* value = find(span, key);
  return value ? std::get_if<double>(value) : nullptr;
}

// Of a training loop: how far it came, how fast it is, and whether it waits for data.
void append_training(std::string& out, const Span& span) {
  const int64_t* steps = find_number(span, "tacit.training.steps");
  const int64_t* passes = find_number(span, "tacit.training.backward_passes");
  if (steps == nullptr && passes == nullptr) return;
  auto sink = std::back_inserter(out);
  fmt::format_to(sink, ", {} {}", steps ? *steps : *passes, steps ? "steps" : "backward passes");
  if (const double* p50 = find_double(span, "tacit.training.step.duration.p50"))
    fmt::format_to(sink, ", step p50 {:.2f} ms", *p50 * 1e3);
  if (const double* p95 = find_double(span, "tacit.training.step.duration.p95"))
    fmt::format_to(sink, " p95 {:.2f} ms", *p95 * 1e3);
  if (const double* wait = find_double(span, "tacit.training.data_wait.share"))
    fmt::format_to(sink, ", data wait {:.1f} %", *wait * 100);
  if (const double* busy = find_double(span, "tacit.gpu.busy.share"))
    fmt::format_to(sink, ", GPU busy {:.1f} %", *busy * 100);
  else if (find_text(span, "tacit.training.device") == "cpu")
    out += ", on the CPU";
}

void append_error(std::string& out, const Span& span) {
  out += " ERROR";
  for (const std::string_view text :
       {find_text(span, "error.type"), std::string_view(span.status_message)}) {
    if (text.empty()) continue;
    out += ' ';
    append_field(out, text);
  }
}

}  // namespace

void append_span_text(std::string& out, const Span& span, bool colour) {
  const bool error = span.status == StatusCode::kError;
  if (error && colour) out += kRed;
  std::string time;
  append_rfc3339(time, span.start_unix_ns);
  out += std::string_view(time).substr(11, 12);  // HH:MM:SS.mmm
  out += "Z ";
  append_field(out, span.resource ? std::string_view(span.resource->service_name) : "-");
  out += span.kind == SpanKind::kServer ? " <- " : span.kind == SpanKind::kClient ? " -> " : " -- ";
  append_what(out, span);
  if (const int64_t* status = find_number(span, "http.response.status_code")) {
    fmt::format_to(std::back_inserter(out), " {}", *status);
  }
  append_duration(
      out, span.end_unix_ns > span.start_unix_ns ? span.end_unix_ns - span.start_unix_ns : 0);
  append_peer(out, span);
  append_training(out, span);
  if (error) append_error(out, span);
  if (error && colour) out += kPlain;
  out += '\n';
}

}  // namespace tacit::exporters
