// SPDX-License-Identifier: Apache-2.0
// Carries one encoded OTLP request: over HTTP/1.1 as it is, or over HTTP/2 in gRPC's frame. Owned
// by one export thread.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "agent/config/config.h"
#include "exporters/destination.h"
#include "exporters/otlp/endpoint.h"
#include "exporters/otlp/http_client.h"

namespace tacit::exporters {

class OtlpTransport {
 public:
  // An error if the settings cannot work; a destination that is down is none.
  static Result<std::unique_ptr<OtlpTransport>> make(const config::OtlpConfig& config,
                                                     OtlpSignal signal);

  // Compresses and frames, once a request.
  std::string pack(std::string message) const;
  Attempt send(std::string_view packed, const StopSignal& stop);

 private:
  OtlpTransport(const config::OtlpConfig& config, Endpoint endpoint,
                std::unique_ptr<HttpClient> client);

  const bool grpc_;
  const bool gzip_;
  const Endpoint endpoint_;
  const std::unique_ptr<HttpClient> client_;
};

// RFC 1952, at the fastest level: batches repeat themselves so much that more effort gains little.
// Empty if zlib is out of memory.
std::string gzip(std::string_view bytes);

}  // namespace tacit::exporters
