// SPDX-License-Identifier: Apache-2.0
// POSTs to one URL with libcurl: HTTP/1.1, or HTTP/2 for gRPC. The connection is kept, except for
// gRPC without TLS where libcurl is too old for that. Owned and used by one export thread.
// Redirects are not followed; of a reply at most 64 KiB of body and as much of header are read;
// nothing is decompressed.
#pragma once
#include <curl/curl.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/config/config.h"
#include "exporters/otlp/endpoint.h"
#include "exporters/stop_signal.h"

namespace tacit::exporters {

// What came back. `fault` set: no complete reply, and why.
struct HttpReply {
  CURLcode fault = CURLE_OK;
  std::string fault_text;
  bool too_long = false;  // cut at the limit; what was read is still here
  long status = 0;
  long http_version = 0;  // CURL_HTTP_VERSION_*
  // Header or trailer fields that the transports read; empty if absent.
  std::string retry_after;
  std::string location;
  std::string grpc_status;
  std::string grpc_message;
  std::string grpc_status_details;
  std::string body;
};

class HttpClient {
 public:
  // `headers` are whole lines, sent besides the configured ones.
  static Result<std::unique_ptr<HttpClient>> make(const config::OtlpConfig& config,
                                                  const Endpoint& endpoint, bool http2,
                                                  const std::vector<std::string>& headers);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Bounded by the configured timeout and by the stop's deadline.
  HttpReply post(std::string_view body, const StopSignal& stop);

  // Opens a connection, TLS included, and sends nothing.
  HttpReply connect(std::chrono::milliseconds timeout);

 private:
  HttpClient() = default;
  bool set_options(const config::OtlpConfig& config, const Endpoint& endpoint, bool http2);
  bool add_header(const std::string& line);
  void run(HttpReply& reply, StopSignal::TimePoint limit, const StopSignal& stop);

  CURL* easy_ = nullptr;
  CURLM* multi_ = nullptr;  // so that a stop can end a request at once
  curl_slist* headers_ = nullptr;
  bool curl_ready_ = false;
  std::chrono::milliseconds timeout_{0};
  char fault_text_[CURL_ERROR_SIZE] = {};
};

}  // namespace tacit::exporters
