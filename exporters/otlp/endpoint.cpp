// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/endpoint.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

#include "agent/base/log.h"

namespace tacit::exporters {
namespace {

struct UrlFree {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, UrlFree>;

std::string part(const Url& url, CURLUPart what) {
  char* text = nullptr;
  if (curl_url_get(url.get(), what, &text, 0) != CURLUE_OK) return "";
  std::string copy(text);
  curl_free(text);
  return copy;
}

// RFC 9110: a field name is a token.
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
  });
}

Result<void> check_headers(const config::OtlpConfig& config) {
  for (const auto& [name, value] : config.headers) {
    if (!is_token(name) || !is_field_value(value)) {
      return fail(
          fmt::format("The OTLP header '{}' cannot be sent: its name or value holds "
                      "characters that HTTP does not allow; write name=value pairs, "
                      "values percent-encoded.",
                      log::escape(name)));
    }
  }
  return {};
}

Result<void> check_file(const std::string& path, const char* what) {
  if (path.empty() || ::access(path.c_str(), R_OK) == 0) return {};
  return fail(fmt::format("Cannot read the OTLP {} file '{}': {}; check its path and permissions.",
                          what, log::escape(path), std::strerror(errno)));
}

Result<void> check_files(const config::OtlpConfig& config) {
  if (auto r = check_file(config.certificate, "CA certificate"); !r) return r;
  if (auto r = check_file(config.client_certificate, "client certificate"); !r) return r;
  return check_file(config.client_key, "client key");
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

const char* grpc_path(OtlpSignal signal) {
  return signal == OtlpSignal::kTraces
             ? "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
             : "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
}

}  // namespace

Result<Endpoint> check_endpoint(const config::OtlpConfig& config, OtlpSignal signal) {
  const Url url(curl_url());
  const bool parsed =
      url && curl_url_set(url.get(), CURLUPART_URL, config.endpoint.c_str(), 0) == CURLUE_OK;
  const std::string scheme = parsed ? part(url, CURLUPART_SCHEME) : "";
  if (scheme != "http" && scheme != "https") {
    return fail(
        fmt::format("The OTLP endpoint '{}' is no http:// or https:// URL; write one such "
                    "as http://localhost:4317 (gRPC) or "
                    "http://localhost:4318/v1/traces (HTTP).",
                    parsed ? log::escape(part(url, CURLUPART_HOST)) : "(unreadable)"));
  }
  if (auto headers = check_headers(config); !headers) return std::unexpected(headers.error());
  if (auto files = check_files(config); !files) return std::unexpected(files.error());

  Endpoint endpoint;
  endpoint.tls = scheme == "https";
  endpoint.loopback = is_loopback(part(url, CURLUPART_HOST));
  if (config.protocol == config::OtlpProtocol::kGrpc) {
    curl_url_set(url.get(), CURLUPART_PATH, grpc_path(signal), 0);
    curl_url_set(url.get(), CURLUPART_QUERY, nullptr, 0);
  }
  endpoint.url = part(url, CURLUPART_URL);
  for (const CURLUPart secret : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY}) {
    curl_url_set(url.get(), secret, nullptr, 0);
  }
  if (config.protocol == config::OtlpProtocol::kGrpc) {
    curl_url_set(url.get(), CURLUPART_PATH, nullptr, 0);
  }
  endpoint.shown = log::escape(part(url, CURLUPART_URL));
  if (config.protocol == config::OtlpProtocol::kGrpc && endpoint.shown.ends_with('/')) {
    endpoint.shown.pop_back();
  }
  return endpoint;
}

}  // namespace tacit::exporters
