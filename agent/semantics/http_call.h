// SPDX-License-Identifier: Apache-2.0
// One exchange in the words of OpenTelemetry's HTTP conventions, without a copy: what metrics need
// and what a span is built from.
#pragma once
#include <cstdint>
#include <string_view>

#include "agent/semantics/request_target.h"
#include "agent/telemetry/span.h"

namespace tacit::semantics {

// Views point into the exchange, into static storage, into the RouteNames, or (server_address
// taken from the socket) into the HttpSemantics: valid until its next describe().
struct HttpCall {
  telemetry::SpanKind kind = telemetry::SpanKind::kInternal;  // kServer, kClient; else role unknown
  std::string_view method;           // a known one, else "_OTHER"
  std::string_view method_original;  // as sent, where method is "_OTHER"
  std::string_view scheme = "http";
  RequestTarget target;
  std::string_view route;  // SERVER; empty: none known
  uint32_t route_id = 0;
  int status = 0;  // 0: not seen
  std::string_view error_type;        // empty: no error was seen
  std::string_view protocol_version;  // "1.0", "1.1"
  std::string_view server_address;    // never with user-info; empty: unknown
  uint16_t server_port = 0;           // 0: unknown or none (unix socket)
  uint64_t start_ns = 0;              // CLOCK_MONOTONIC
  uint64_t duration_ns = 0;
  // -1: not known (bytes were missed, or no response head was seen)
  int64_t request_body_bytes = -1;
  int64_t response_body_bytes = -1;
};

}  // namespace tacit::semantics
