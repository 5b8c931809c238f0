// SPDX-License-Identifier: Apache-2.0
// What metrics want to know of one HTTP exchange. A plain value; the pipeline fills it from
// semantics::HttpCall, whose fields have the same names and meanings.
#pragma once
#include <cstdint>
#include <string_view>

namespace tacit::metrics {

// Views need to live for the call only. Empty text or 0: not known, no label.
struct RequestSample {
  bool server = true;  // false: the observed process was the client
  std::string_view method;  // low cardinality: a known one or "_OTHER"
  std::string_view scheme;
  std::string_view route;  // server only
  int status = 0;
  std::string_view error_type;
  std::string_view protocol_version;
  std::string_view server_address;  // client only
  uint16_t server_port = 0;         // client only
  uint64_t duration_ns = 0;
  int64_t request_body_bytes = -1;  // -1: not known
  int64_t response_body_bytes = -1;
};

}  // namespace tacit::metrics
