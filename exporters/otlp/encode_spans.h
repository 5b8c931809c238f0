// SPDX-License-Identifier: Apache-2.0
// Spans → ExportTraceServiceRequest (proto/trace.proto), one ResourceSpans per resource. Pure.
#pragma once
#include <vector>

#include "agent/telemetry/span.h"
#include "exporters/destination.h"

namespace tacit::exporters {

// A request larger than this is followed by another: gRPC servers refuse messages above 4 MiB
// unless told otherwise.
inline constexpr size_t kRequestBytes = 2 * 1024 * 1024;

// The requests' items add up to spans.size(). A request exceeds kRequestBytes by at most one span.
std::vector<Payload> encode_spans(const std::vector<telemetry::Span>& spans);

}  // namespace tacit::exporters
