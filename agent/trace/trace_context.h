// SPDX-License-Identifier: Apache-2.0
// W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context-1/), as received in a request.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/telemetry/span.h"

namespace tacit::trace {

struct TraceContext {
  telemetry::TraceId trace_id{};
  telemetry::SpanId span_id{};
  uint8_t flags = 0;  // bit 0: sampled
};

// Section 3.2. Version 00 must have its exact length; of a higher version the known fields are
// read; ff, upper-case hex and all-zero ids are invalid. No allocation.
std::optional<TraceContext> parse_traceparent(std::string_view header);

inline constexpr size_t kMaxTraceStateBytes = 512;  // section 3.3.1.5
inline constexpr size_t kMaxTraceStateMembers = 32;

// Section 3.3, loosely: key=value members in printable ASCII. Beyond 512 bytes whole members are
// dropped from the right. Empty where the header is invalid: the trace goes on without it.
std::string valid_tracestate(std::string_view header);

}  // namespace tacit::trace
