// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/http_client.h"

#include <strings.h>

#include <algorithm>

namespace tacit::exporters {
namespace {

constexpr size_t kReplyBytes = 64 * 1024;  // of body, and of header fields together

struct Receiver {
  HttpReply& reply;
  size_t header_bytes = 0;
};

bool names(std::string_view name, std::string_view wanted) {
  return name.size() == wanted.size() &&
         ::strncasecmp(name.data(), wanted.data(), name.size()) == 0;
}

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

void keep_header(HttpReply& reply, std::string_view line) {
  if (line.starts_with("HTTP/")) {  // an interim reply's fields are not the final one's
    reply.retry_after.clear();
    reply.location.clear();
    return;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trim(line.substr(colon + 1));
  if (names(name, "retry-after")) reply.retry_after = value;
  if (names(name, "location")) reply.location = value;
  if (names(name, "grpc-status")) reply.grpc_status = value;
  if (names(name, "grpc-message")) reply.grpc_message = value;
  if (names(name, "grpc-status-details-bin")) reply.grpc_status_details = value;
}

// Before 8.0.0 (Debian 12 has 7.88.1) a second request on a connection with HTTP/2 by prior
// knowledge can fail with CURLE_HTTP2: curl/curl#10634. Connections with TLS are not affected.
bool reuses_h2c() { return curl_version_info(CURLVERSION_NOW)->version_num >= 0x080000; }

size_t receive_header(char* data, size_t, size_t size, void* user) {
  auto& receiver = *static_cast<Receiver*>(user);
  receiver.header_bytes += size;
  if (receiver.header_bytes > kReplyBytes) {
    receiver.reply.too_long = true;
    return 0;
  }
  keep_header(receiver.reply, {data, size});
  return size;
}

size_t receive_body(char* data, size_t, size_t size, void* user) {
  HttpReply& reply = static_cast<Receiver*>(user)->reply;
  const size_t room = kReplyBytes - reply.body.size();
  reply.body.append(data, std::min(room, size));
  if (size <= room) return size;
  reply.too_long = true;
  return 0;
}

}  // namespace

Result<std::unique_ptr<HttpClient>> HttpClient::make(const config::OtlpConfig& config,
                                                     const Endpoint& endpoint, bool http2,
                                                     const std::vector<std::string>& headers) {
  std::unique_ptr<HttpClient> client(new HttpClient);
  bool ok = client->set_options(config, endpoint, http2);
  for (const std::string& line : headers) ok = ok && client->add_header(line);
  for (const auto& [name, value] : config.headers) {
    // libcurl's way to send a field without a value.
    ok = ok && client->add_header(value.empty() ? name + ";" : name + ": " + value);
  }
  if (!ok || curl_easy_setopt(client->easy_, CURLOPT_HTTPHEADER, client->headers_) != CURLE_OK) {
    return fail("Cannot prepare the OTLP connection to " + endpoint.shown +
                ": libcurl refused an option (it needs HTTP/2 for gRPC, and TLS for https).");
  }
  return client;
}

HttpClient::~HttpClient() {
  curl_easy_cleanup(easy_);
  curl_multi_cleanup(multi_);
  curl_slist_free_all(headers_);
  if (curl_ready_) curl_global_cleanup();  // counted by libcurl, so balanced per client
}

bool HttpClient::set_options(const config::OtlpConfig& config, const Endpoint& endpoint,
                             bool http2) {
  curl_ready_ = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  easy_ = curl_easy_init();
  multi_ = curl_multi_init();
  if (!curl_ready_ || easy_ == nullptr || multi_ == nullptr) return false;
  timeout_ = config.timeout;
  bool ok = true;
  const auto set = [&](CURLoption option, auto value) {
    ok = curl_easy_setopt(easy_, option, value) == CURLE_OK && ok;
  };
  const auto set_file = [&](CURLoption option, const std::string& path) {
    if (!path.empty()) set(option, path.c_str());
  };
  set(CURLOPT_URL, endpoint.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);  // a stop does not wait for a resolver that hangs
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_POST, 1L);
  set(CURLOPT_USERAGENT, "tacit/" TACIT_VERSION);
  set(CURLOPT_ERRORBUFFER, fault_text_);
  set(CURLOPT_HEADERFUNCTION, receive_header);
  set(CURLOPT_WRITEFUNCTION, receive_body);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set_file(CURLOPT_CAINFO, config.certificate);
  set_file(CURLOPT_SSLCERT, config.client_certificate);
  set_file(CURLOPT_SSLKEY, config.client_key);
  if (endpoint.loopback) set(CURLOPT_PROXY, "");
  if (http2) {
    set(CURLOPT_HTTP_VERSION,
        static_cast<long>(endpoint.tls ? CURL_HTTP_VERSION_2TLS
                                       : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE));
    set(CURLOPT_HTTPPROXYTUNNEL, 1L);
    if (!endpoint.tls && !reuses_h2c()) set(CURLOPT_FORBID_REUSE, 1L);
  } else {
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  }
  return ok && add_header("Expect:");  // no pause for 100-continue before large bodies
}

bool HttpClient::add_header(const std::string& line) {
  curl_slist* longer = curl_slist_append(headers_, line.c_str());
  if (longer == nullptr) return false;
  headers_ = longer;
  return true;
}

HttpReply HttpClient::post(std::string_view body, const StopSignal& stop) {
  HttpReply reply;
  curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, body.data());
  run(reply, std::chrono::steady_clock::now() + timeout_, stop);
  return reply;
}

HttpReply HttpClient::connect(std::chrono::milliseconds timeout) {
  HttpReply reply;
  const StopSignal never;
  curl_easy_setopt(easy_, CURLOPT_CONNECT_ONLY, 1L);
  run(reply, std::chrono::steady_clock::now() + timeout, never);
  curl_easy_setopt(easy_, CURLOPT_CONNECT_ONLY, 0L);
  return reply;
}

void HttpClient::run(HttpReply& reply, StopSignal::TimePoint limit, const StopSignal& stop) {
  Receiver receiver{reply};
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, &receiver);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &receiver);
  fault_text_[0] = '\0';
  reply.fault = CURLE_OPERATION_TIMEDOUT;  // unless the request ends before the limit
  reply.fault_text = "no answer in time";
  curl_multi_add_handle(multi_, easy_);
  for (int running = 1; curl_multi_perform(multi_, &running) == CURLM_OK && running > 0;) {
    const auto end = stop.bound(limit);
    if (std::chrono::steady_clock::now() >= end) break;
    curl_waitfd wake{stop.fd(), CURL_WAIT_POLLIN, 0};
    const unsigned wakes = stop.stopped() || stop.fd() < 0 ? 0 : 1;
    curl_multi_poll(multi_, &wake, wakes, std::min(milliseconds_until(end), 1'000), nullptr);
  }
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    reply.fault = message->data.result;
    reply.fault_text = fault_text_[0] != '\0' ? fault_text_ : curl_easy_strerror(reply.fault);
  }
  // Ended by us at the limit: the status line and what was read of the reply are good.
  if (reply.too_long) reply.fault = CURLE_OK;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &reply.status);
  curl_easy_getinfo(easy_, CURLINFO_HTTP_VERSION, &reply.http_version);
  curl_multi_remove_handle(multi_, easy_);
}

}  // namespace tacit::exporters
