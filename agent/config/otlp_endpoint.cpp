// SPDX-License-Identifier: Apache-2.0
// Endpoint rules of the OpenTelemetry specification, "OpenTelemetry Protocol Exporter": a common
// endpoint gets v1/traces or v1/metrics appended over HTTP, a signal's own is used as it is.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "agent/base/log.h"
#include "agent/config/config_draft.h"

namespace tacit::config {
namespace {

constexpr int kGrpcPort = 4317;
constexpr int kHttpPort = 4318;
constexpr const char* kShape = "write http://host:port or https://host:port";

bool host_character(unsigned char c) {
  return std::isalnum(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '[' || c == ']' ||
         c == '%';
}

Result<int> parse_port(std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port < 1 || port > 65535)
    return fail("the port must be a number from 1 to 65535");
  return port;
}

// "host", "host:1", "[::1]:1" → authority and port.
Result<void> split_authority(std::string_view text, Endpoint& endpoint) {
  const size_t bracket = text.rfind(']');
  const size_t colon = text.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  endpoint.authority = text.substr(0, has_port ? colon : text.size());
  if (endpoint.authority.empty() ||
      !std::all_of(endpoint.authority.begin(), endpoint.authority.end(), host_character))
    return fail(fmt::format("it has no valid host; {}", kShape));
  if (endpoint.authority[0] != '[' && endpoint.authority.find(':') != std::string::npos)
    return fail("an IPv6 address goes into brackets: http://[::1]:4317");
  if (!has_port) return {};
  auto port = parse_port(text.substr(colon + 1));
  if (!port) return std::unexpected(port.error());
  endpoint.port = *port;
  return {};
}

// 4318 and a path speak HTTP; everything else is taken for gRPC.
OtlpProtocol guess_protocol(const Endpoint& endpoint) {
  return endpoint.port == kHttpPort || endpoint.path.size() > 1 ? OtlpProtocol::kHttpProtobuf
                                                                : OtlpProtocol::kGrpc;
}

std::string join(const Endpoint& endpoint, OtlpProtocol protocol, const char* appended) {
  const bool grpc = protocol == OtlpProtocol::kGrpc;
  int port = endpoint.port;
  if (port == 0 && grpc) port = kGrpcPort;
  std::string url = endpoint.scheme + "://" + endpoint.authority;
  if (port != 0) url += fmt::format(":{}", port);
  if (grpc) return url;
  std::string path = endpoint.path;
  if (appended != nullptr) {
    while (!path.empty() && path.back() == '/') path.pop_back();
    path += appended;
  }
  return url + (path.empty() ? "/" : path);
}

template <typename T>
const std::optional<T>& first_of(const std::optional<T>& own, const std::optional<T>& common) {
  return own ? own : common;
}

Result<void> set_scheme(Endpoint& endpoint, const std::optional<bool>& insecure,
                        OtlpProtocol protocol) {
  if (!endpoint.scheme.empty()) return {};
  if (!insecure)
    return fail(fmt::format(
        "the OTLP endpoint \"{}\" does not say how to connect; write http:// or https:// in front",
        log::escape(endpoint.authority)));
  endpoint.scheme = *insecure ? "http" : "https";
  if (endpoint.port == 0 && protocol == OtlpProtocol::kHttpProtobuf) endpoint.port = kHttpPort;
  return {};
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
  Endpoint endpoint;
  if (const size_t at = text.find("://"); at != std::string_view::npos) {
    endpoint.scheme = text.substr(0, at);
    std::transform(endpoint.scheme.begin(), endpoint.scheme.end(), endpoint.scheme.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    if (endpoint.scheme != "http" && endpoint.scheme != "https") return fail(kShape);
    text = text.substr(at + 3);
  }
  if (text.size() > 2048) return fail("it is longer than 2048 bytes");
  for (const unsigned char c : text)
    if (c <= 0x20 || c >= 0x7f) return fail("it holds a blank or a byte that is not ASCII");
  const size_t slash = text.find_first_of("/?#");
  const auto authority = text.substr(0, slash);
  if (slash != std::string_view::npos) endpoint.path = text.substr(slash);
  if (!endpoint.path.empty() && endpoint.path[0] != '/') return fail(kShape);
  if (authority.find('@') != std::string_view::npos)
    return fail("it must not hold a user name or password; use otlp.headers");
  if (auto split = split_authority(authority, endpoint); !split)
    return std::unexpected(split.error());
  return endpoint;
}

Result<OtlpConfig> resolve_otlp(const Draft& draft, Signal signal) {
  const bool traces = signal == Signal::kTraces;
  const OtlpDraft& own = traces ? draft.otlp_traces : draft.otlp_metrics;
  const OtlpDraft& common = draft.otlp;
  OtlpConfig out;
  out.headers = first_of(own.headers, common.headers).value_or(out.headers);
  out.timeout = first_of(own.timeout, common.timeout).value_or(out.timeout);
  out.gzip = first_of(own.gzip, common.gzip).value_or(out.gzip);
  out.certificate = first_of(own.certificate, common.certificate).value_or("");
  out.client_certificate = first_of(own.client_certificate, common.client_certificate).value_or("");
  out.client_key = first_of(own.client_key, common.client_key).value_or("");
  if (out.client_certificate.empty() != out.client_key.empty())
    return fail("otlp.client_certificate and otlp.client_key need each other: only one is set");
  if (own.wanted == false) return out;

  const auto& protocol = first_of(own.protocol, common.protocol);
  auto text = first_of(own.endpoint, common.endpoint);
  if (!text && own.wanted == true)
    text = protocol == OtlpProtocol::kGrpc ? "http://localhost:4317" : "http://localhost:4318";
  if (!text) return out;
  auto endpoint = parse_endpoint(*text);
  if (!endpoint) return fail("the OTLP endpoint: " + endpoint.error().message);
  out.protocol = protocol.value_or(guess_protocol(*endpoint));
  if (auto set = set_scheme(*endpoint, first_of(own.insecure, common.insecure), out.protocol); !set)
    return std::unexpected(set.error());
  const char* appended = own.endpoint ? nullptr : traces ? "/v1/traces" : "/v1/metrics";
  out.endpoint = join(*endpoint, out.protocol, appended);
  return out;
}

}  // namespace tacit::config
