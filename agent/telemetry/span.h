// SPDX-License-Identifier: Apache-2.0
// A finished span, as in the OpenTelemetry data model. A value; moves through queues.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "agent/telemetry/attribute.h"
#include "agent/telemetry/resource.h"

namespace tacit::telemetry {

using TraceId = std::array<uint8_t, 16>;
using SpanId = std::array<uint8_t, 8>;

enum class SpanKind : uint8_t { kInternal = 1, kServer = 2, kClient = 3 };  // OTLP's numbers
enum class StatusCode : uint8_t { kUnset = 0, kOk = 1, kError = 2 };        // OTLP's numbers

struct SpanEvent {
  std::string name;
  uint64_t time_unix_ns = 0;
  Attributes attributes;
};

struct Span {
  TraceId trace_id{};
  SpanId span_id{};
  SpanId parent_span_id{};  // all zero: a root, or no parent known
  std::string trace_state;  // W3C tracestate as received
  uint8_t trace_flags = 1;  // W3C trace flags; bit 0 = sampled
  bool parent_is_remote = false;
  std::string name;
  SpanKind kind = SpanKind::kInternal;
  uint64_t start_unix_ns = 0;
  uint64_t end_unix_ns = 0;  // never before start_unix_ns
  StatusCode status = StatusCode::kUnset;
  std::string status_message;
  Attributes attributes;
  std::vector<SpanEvent> events;
  ResourcePtr resource;  // never null in a finished span
};

}  // namespace tacit::telemetry
