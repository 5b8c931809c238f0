// SPDX-License-Identifier: Apache-2.0
// One span as one line: JSON (schema: README.md) or text for a person at a terminal. Pure; what
// comes from outside is escaped, so the only control byte in a line is its last, the newline.
#pragma once
#include <cstdint>
#include <string>

#include "agent/telemetry/span.h"

namespace tacit::exporters {

void append_span_json(std::string& out, const telemetry::Span& span);
void append_span_text(std::string& out, const telemetry::Span& span, bool colour);

// RFC 3339 in UTC with nine digits of the second: 2026-11-21T11:35:29.123456789Z.
void append_rfc3339(std::string& out, uint64_t unix_ns);

}  // namespace tacit::exporters
