// SPDX-License-Identifier: Apache-2.0
// A configuration while it is being put together: what was said explicitly, layer over layer, and
// what was not. Inside the config room only; finish() turns it into a Config.
#pragma once
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "agent/base/result.h"
#include "agent/config/config.h"

namespace tacit::config {

enum class Signal { kTraces, kMetrics };

// How one OTLP destination was described. Unset members fall back to the common description.
struct OtlpDraft {
  std::optional<std::string> endpoint;
  std::optional<OtlpProtocol> protocol;
  std::optional<std::map<std::string, std::string>> headers;
  std::optional<std::chrono::milliseconds> timeout;
  std::optional<bool> gzip;
  std::optional<bool> insecure;
  std::optional<std::string> certificate;
  std::optional<std::string> client_certificate;
  std::optional<std::string> client_key;
  std::optional<bool> wanted;  // OTEL_*_EXPORTER: true = even with no endpoint given, false = never
};

struct Draft {
  Config config;  // every member but the destinations below
  OtlpDraft otlp;
  OtlpDraft otlp_traces;
  OtlpDraft otlp_metrics;
  std::optional<ConsoleFormat> console;
  bool console_auto = false;  // on, in the form that suits standard error
  std::optional<bool> prometheus;
};

// An http(s) URL or host:port, taken apart.
struct Endpoint {
  std::string scheme;     // "http", "https", or empty where the text named none
  std::string authority;  // host or [v6 address], without the port
  int port = 0;           // 0: none given
  std::string path;       // with its '/', query included; empty where there is none
};

// Says in the error what an endpoint must look like.
Result<Endpoint> parse_endpoint(std::string_view text);

// The destination of one signal, or one with an empty endpoint where it is not exported.
Result<OtlpConfig> resolve_otlp(const Draft& draft, Signal signal);

}  // namespace tacit::config
