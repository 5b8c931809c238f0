// SPDX-License-Identifier: Apache-2.0
// Checks one signal's settings before anything is sent, and names its endpoint in messages.
#pragma once
#include <string>

#include "agent/base/result.h"
#include "agent/config/config.h"

namespace tacit::exporters {

enum class OtlpSignal { kTraces, kMetrics };

struct Endpoint {
  std::string url;    // what requests go to; for gRPC with the method's path
  std::string shown;  // for log lines: without user, password and query, escaped
  bool tls = false;
  bool loopback = false;  // named localhost, 127.… or [::1]: never reached through a proxy
};

// An error if the URL, the headers or the certificate files cannot be used.
Result<Endpoint> check_endpoint(const config::OtlpConfig& config, OtlpSignal signal);

}  // namespace tacit::exporters
