// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/transport.h"

#include <fmt/format.h>
#include <zlib.h>

#include <ctime>
#include <utility>
#include <vector>

#include "exporters/otlp/reply.h"

namespace tacit::exporters {
namespace {

constexpr size_t kGrpcPrefixBytes = 5;

std::vector<std::string> http_headers(const config::OtlpConfig& config) {
  std::vector<std::string> headers = {"Content-Type: application/x-protobuf"};
  if (config.gzip) headers.emplace_back("Content-Encoding: gzip");
  return headers;
}

// gRPC over HTTP/2, "Requests".
std::vector<std::string> grpc_headers(const config::OtlpConfig& config) {
  std::vector<std::string> headers = {
      "Content-Type: application/grpc", "te: trailers", "grpc-accept-encoding: identity",
      fmt::format("grpc-timeout: {}m", std::min<int64_t>(config.timeout.count(), 99'999'999))};
  if (config.gzip) headers.emplace_back("grpc-encoding: gzip");
  return headers;
}

}  // namespace

Result<std::unique_ptr<OtlpTransport>> OtlpTransport::make(const config::OtlpConfig& config,
                                                           OtlpSignal signal) {
  Result<Endpoint> endpoint = check_endpoint(config, signal);
  if (!endpoint) return std::unexpected(endpoint.error());
  const bool grpc = config.protocol == config::OtlpProtocol::kGrpc;
  auto client =
      HttpClient::make(config, *endpoint, grpc, grpc ? grpc_headers(config) : http_headers(config));
  if (!client) return std::unexpected(client.error());
  return std::unique_ptr<OtlpTransport>(
      new OtlpTransport(config, std::move(*endpoint), std::move(*client)));
}

OtlpTransport::OtlpTransport(const config::OtlpConfig& config, Endpoint endpoint,
                             std::unique_ptr<HttpClient> client)
    : grpc_(config.protocol == config::OtlpProtocol::kGrpc),
      gzip_(config.gzip),
      endpoint_(std::move(endpoint)),
      client_(std::move(client)) {}

std::string OtlpTransport::pack(std::string message) const {
  if (gzip_) message = gzip(message);
  if (!grpc_) return message;
  const auto length = static_cast<uint32_t>(message.size());
  std::string prefix(kGrpcPrefixBytes, '\0');
  prefix[0] = gzip_ ? 1 : 0;
  for (unsigned i = 0; i < 4; ++i) prefix[1 + i] = static_cast<char>(length >> (24 - 8 * i));
  message.insert(0, prefix);
  return message;
}

Attempt OtlpTransport::send(std::string_view packed, const StopSignal& stop) {
  const HttpReply reply = client_->post(packed, stop);
  return grpc_ ? read_grpc_reply(reply, endpoint_.shown)
               : read_http_reply(reply, endpoint_.shown, std::time(nullptr));
}

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16;  // zlib.h: 16 asks for gzip's header
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return "";
  }
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(done ? stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

}  // namespace tacit::exporters
