// SPDX-License-Identifier: Apache-2.0
// "key=value,key=value" as OTEL_RESOURCE_ATTRIBUTES and OTEL_EXPORTER_OTLP_HEADERS write it:
// W3C Baggage without properties, values percent-encoded (OpenTelemetry specification, Resource
// SDK, "Specifying resource information via an environment variable"). Pure functions.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "agent/base/result.h"

namespace tacit::config {

using Pairs = std::map<std::string, std::string>;

inline constexpr size_t kMaxPairs = 128;  // more are refused: nobody means them

// Blanks around keys and values are dropped, empty items skipped, a later key wins. Fails on an
// item without '=', an empty key or a broken escape; the message never repeats a value.
Result<Pairs> parse_pairs(std::string_view text);

// %41 → A. Fails where '%' is not followed by two hexadecimal digits.
Result<std::string> percent_decode(std::string_view text);

std::string_view trim(std::string_view text);  // without blanks and tabs at both ends

}  // namespace tacit::config
