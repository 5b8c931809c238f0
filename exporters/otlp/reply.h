// SPDX-License-Identifier: Apache-2.0
// What a server's reply means for the batch: taken, refused for good, or worth another try. Pure;
// the rules are OTLP's ("OTLP/HTTP Response", "OTLP/gRPC Response").
#pragma once
#include <chrono>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

#include "exporters/destination.h"
#include "exporters/otlp/http_client.h"

namespace tacit::exporters {

// `where`: the endpoint as shown in messages. `now`: for a Retry-After that names a date.
Attempt read_http_reply(const HttpReply& reply, std::string_view where, std::time_t now);
Attempt read_grpc_reply(const HttpReply& reply, std::string_view where);

// RFC 9110 10.2.3: a number of seconds or a date. None if it is neither.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text, std::time_t now);

// google.rpc.Status (proto/status.proto).
struct RpcStatus {
  std::string message;
  std::optional<std::chrono::milliseconds> retry_delay;  // of a RetryInfo among its details
};
RpcStatus parse_rpc_status(std::string_view bytes);

// RFC 4648, padded or not; what cannot be decoded ends it.
std::string decode_base64(std::string_view text);

}  // namespace tacit::exporters
