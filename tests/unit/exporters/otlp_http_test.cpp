// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "exporters/otlp/encode_spans.h"
#include "exporters/otlp/otlp_metric_exporter.h"
#include "exporters/otlp/otlp_span_exporter.h"
#include "exporters/otlp/transport.h"
#include "metrics_service.pb.h"
#include "tests/unit/exporters/fake_http_server.h"
#include "tests/unit/exporters/samples.h"
#include "trace_service.pb.h"

namespace tacit::exporters {
namespace {

using config::OtlpConfig;
using config::OtlpProtocol;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Outcome = Attempt::Outcome;
using Request = opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;

OtlpConfig http_config(const std::string& url) {
  OtlpConfig config;
  config.endpoint = url;
  config.protocol = OtlpProtocol::kHttpProtobuf;
  return config;
}

std::unique_ptr<OtlpTransport> make_transport(const OtlpConfig& config) {
  auto made = OtlpTransport::make(config, OtlpSignal::kTraces);
  EXPECT_TRUE(made.has_value()) << made.error().message;
  return std::move(*made);
}

std::string gunzip(const std::string& packed) {
  z_stream stream{};
  inflateInit2(&stream, 15 + 16);
  std::string out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST(OtlpHttp, PostsProtobufWithTheConfiguredHeaders) {
  FakeHttpServer server;
  OtlpConfig config = http_config(server.url("/custom/v1/traces"));
  config.headers = {{"api-key", "s3cret"}, {"x-empty", ""}};
  auto exporter = make_otlp_span_exporter(config, 100);
  ASSERT_TRUE(exporter.has_value());
  (*exporter)->export_spans({sample_span(sample_resource(1, "shop"))});
  (*exporter)->shutdown(seconds(60));
  EXPECT_EQ((*exporter)->stats().destination, "otlp-spans");
  EXPECT_EQ((*exporter)->stats().exported, 1u);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].line, "POST /custom/v1/traces HTTP/1.1");
  EXPECT_TRUE(requests[0].has("Content-Type: application/x-protobuf"));
  EXPECT_TRUE(requests[0].has("User-Agent: tacit/0.1.0"));
  EXPECT_TRUE(requests[0].has("api-key: s3cret"));
  EXPECT_TRUE(requests[0].has("x-empty:"));
  Request request;
  ASSERT_TRUE(request.ParseFromString(requests[0].body));
  EXPECT_EQ(request.resource_spans(0).scope_spans(0).spans(0).name(), "GET /items/{id}");
}

TEST(OtlpHttp, Gzip) {
  FakeHttpServer server;
  OtlpConfig config = http_config(server.url());
  config.gzip = true;
  const auto transport = make_transport(config);
  const std::string body = encode_spans(named_spans(300)).at(0).body;
  const StopSignal never;
  EXPECT_EQ(transport->send(transport->pack(body), never).outcome, Outcome::kDone);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_TRUE(requests[0].has("Content-Encoding: gzip"));
  EXPECT_LT(requests[0].body.size(), body.size() / 4);
  EXPECT_EQ(gunzip(requests[0].body), body);
}

TEST(OtlpHttp, RetriesAPassingErrorWithTheSameBytes) {
  FakeHttpServer server({FakeHttpServer::reply("503 Busy", "Retry-After: 0\r\n"),
                         FakeHttpServer::reply("429 Slow down", "Retry-After: 0\r\n")});
  auto exporter = make_otlp_span_exporter(http_config(server.url()), 100);
  ASSERT_TRUE(exporter.has_value());
  (*exporter)->export_spans(named_spans(20));
  (*exporter)->shutdown(seconds(60));
  EXPECT_EQ((*exporter)->stats().exported, 20u);
  EXPECT_EQ((*exporter)->stats().failed, 0u);
  EXPECT_EQ((*exporter)->stats().retries, 2u);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[1].body, requests[0].body);
  EXPECT_EQ(requests[2].body, requests[0].body);
}

TEST(OtlpHttp, APermanentErrorLosesTheBatchAndNothingElse) {
  FakeHttpServer server({FakeHttpServer::reply("400 Bad Request")});
  auto exporter = make_otlp_span_exporter(http_config(server.url()), 1000);
  ASSERT_TRUE(exporter.has_value());
  (*exporter)->export_spans(named_spans(600));  // batches of 512 and 88
  (*exporter)->shutdown(seconds(60));
  EXPECT_EQ((*exporter)->stats().failed, 512u);
  EXPECT_EQ((*exporter)->stats().exported, 88u);
  EXPECT_EQ((*exporter)->stats().retries, 0u);
  EXPECT_EQ(server.requests().size(), 2u);
}

TEST(OtlpHttp, PartialSuccessCountsTheRejected) {
  opentelemetry::proto::collector::trace::v1::ExportTraceServiceResponse response;
  response.mutable_partial_success()->set_rejected_spans(4);
  FakeHttpServer server({FakeHttpServer::reply("200 OK", "", response.SerializeAsString())});
  auto exporter = make_otlp_span_exporter(http_config(server.url()), 100);
  ASSERT_TRUE(exporter.has_value());
  (*exporter)->export_spans(named_spans(10));
  (*exporter)->shutdown(seconds(60));
  EXPECT_EQ((*exporter)->stats().exported, 6u);
  EXPECT_EQ((*exporter)->stats().failed, 4u);
}

TEST(OtlpHttp, DoesNotFollowRedirects) {
  FakeHttpServer target;
  FakeHttpServer server({FakeHttpServer::reply("307 Moved", "Location: " + target.url() + "\r\n")});
  const auto transport = make_transport(http_config(server.url()));
  const StopSignal never;
  const Attempt attempt = transport->send("x", never);
  EXPECT_EQ(attempt.outcome, Outcome::kPermanent);
  EXPECT_EQ(attempt.message, server.url() +
                                 " answered HTTP 307; redirects are not followed: set the "
                                 "endpoint to '" +
                                 target.url() + "'");
  EXPECT_EQ(target.requests().size(), 0u);
}

TEST(OtlpHttp, ReadsNoMoreThan64KiBOfAReply) {
  FakeHttpServer server(
      {FakeHttpServer::reply("500 Broken", "", std::string(4 << 20, 'e')),
       FakeHttpServer::reply("503 Endless", "X: " + std::string(70'000, 'h') + "\r\n")});
  auto client =
      HttpClient::make(http_config(server.url()),
                       *check_endpoint(http_config(server.url()), OtlpSignal::kTraces), false, {});
  ASSERT_TRUE(client.has_value());
  const StopSignal never;
  HttpReply reply = (*client)->post("x", never);
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.fault, CURLE_OK);
  EXPECT_TRUE(reply.too_long);
  EXPECT_EQ(reply.body.size(), 65'536u);
  reply = (*client)->post("y", never);
  EXPECT_EQ(reply.status, 503);
  EXPECT_TRUE(reply.too_long);
}

TEST(OtlpHttp, ARefusedConnectionIsAPassingError) {
  uint16_t port = 0;
  listen_on_loopback(port).reset();
  const std::string url = "http://127.0.0.1:" + std::to_string(port) + "/v1/traces";
  const auto transport = make_transport(http_config(url));
  const StopSignal never;
  const Attempt attempt = transport->send("x", never);
  EXPECT_EQ(attempt.outcome, Outcome::kRetry);
  EXPECT_THAT(attempt.message,
              testing::StartsWith("cannot send to " + url + ": Failed to connect"));
  EXPECT_THAT(attempt.message, testing::EndsWith("; is a collector listening there?"));
}

TEST(OtlpHttp, AServerThatNeverAnswersHoldsNothingUpAtShutdown) {
  uint16_t port = 0;
  const Fd listener = listen_on_loopback(port);  // the kernel accepts, nobody answers
  const auto transport =
      make_transport(http_config("http://127.0.0.1:" + std::to_string(port) + "/v1/traces"));
  StopSignal stop;
  std::thread stopper([&] { stop.stop_by(std::chrono::steady_clock::now()); });
  const Attempt attempt = transport->send("x", stop);  // else: the timeout of 10 s
  stopper.join();
  EXPECT_EQ(attempt.outcome, Outcome::kRetry);
  EXPECT_TRUE(stop.expired());
}

TEST(OtlpHttp, ATimeoutIsAPassingError) {
  uint16_t port = 0;
  const Fd listener = listen_on_loopback(port);
  OtlpConfig config = http_config("http://127.0.0.1:" + std::to_string(port) + "/v1/traces");
  config.timeout = milliseconds(30);
  const StopSignal never;
  const Attempt attempt = make_transport(config)->send("x", never);
  EXPECT_EQ(attempt.outcome, Outcome::kRetry);
  EXPECT_EQ(attempt.message, "cannot send to " + config.endpoint + ": no answer in time");
}

class OneCounter : public telemetry::MetricSource {
 public:
  std::vector<prometheus::MetricFamily> collect() const override {
    prometheus::ClientMetric metric;
    metric.label = {{"job", "shop"}, {"instance", "h"}};
    metric.counter.value = 7;
    return {{"a_total", "", prometheus::MetricType::Counter, {metric}}};
  }
};

TEST(OtlpMetrics, SendsALastSnapshotAtShutdown) {
  FakeHttpServer server;
  const OneCounter source;
  auto exporter = OtlpMetricExporter::make(http_config(server.url("/v1/metrics")),
                                           milliseconds(3'600'000), source);
  ASSERT_TRUE(exporter.has_value());
  (*exporter)->shutdown(seconds(60));
  EXPECT_EQ((*exporter)->stats().destination, "otlp-metrics");
  EXPECT_EQ((*exporter)->stats().exported, 1u);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].line, "POST /v1/metrics HTTP/1.1");
  opentelemetry::proto::collector::metrics::v1::ExportMetricsServiceRequest request;
  ASSERT_TRUE(request.ParseFromString(requests[0].body));
  const auto& metric = request.resource_metrics(0).scope_metrics(0).metrics(0);
  EXPECT_EQ(metric.name(), "a");
  EXPECT_EQ(metric.sum().data_points(0).as_double(), 7);
}

TEST(OtlpMetrics, SendsEveryInterval) {
  FakeHttpServer server;
  const OneCounter source;
  auto exporter =
      OtlpMetricExporter::make(http_config(server.url("/v1/metrics")), milliseconds(1), source);
  ASSERT_TRUE(exporter.has_value());
  while (server.requests().size() < 3) std::this_thread::yield();
  (*exporter)->shutdown(seconds(60));
  EXPECT_EQ((*exporter)->stats().exported, server.requests().size());
  EXPECT_EQ((*exporter)->stats().failed, 0u);
}

}  // namespace
}  // namespace tacit::exporters
