// SPDX-License-Identifier: Apache-2.0
// The low-cardinality words that name what went wrong. All views have static storage.
// https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/
#pragma once
#include <string_view>

#include "agent/protocol/exchange.h"
#include "agent/telemetry/span.h"

namespace tacit::semantics {

// "404" for 404; empty for what is no status code (100 to 999).
std::string_view status_code_text(int status);

// "ECONNRESET" for ECONNRESET; empty for 0, "_OTHER" for a number without a name.
std::string_view errno_name(int error_number);

// error.type of an exchange; empty: no error was seen. README.md has the table.
std::string_view error_type(const protocol::HttpExchange& exchange, telemetry::SpanKind kind);

// tacit.outcome: "complete", or how it ended otherwise.
std::string_view outcome_name(protocol::Outcome outcome);

}  // namespace tacit::semantics
