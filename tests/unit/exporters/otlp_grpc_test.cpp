// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporters/otlp/otlp_metric_exporter.h"
#include "exporters/otlp/otlp_span_exporter.h"
#include "exporters/otlp/transport.h"
#include "tests/unit/exporters/fake_grpc_server.h"
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

// google.rpc.Status with a RetryInfo of no delay, as base64.
constexpr const char* kRetryAtOnce =
    "CAgSBGZ1bGwaKgoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbw";

OtlpConfig grpc_config(const std::string& url) {
  OtlpConfig config;
  config.endpoint = url;
  config.protocol = OtlpProtocol::kGrpc;
  config.timeout = milliseconds(9'500);
  return config;
}

std::unique_ptr<OtlpTransport> make_transport(const OtlpConfig& config,
                                              OtlpSignal signal = OtlpSignal::kTraces) {
  auto made = OtlpTransport::make(config, signal);
  EXPECT_TRUE(made.has_value()) << made.error().message;
  return std::move(*made);
}

TEST(OtlpGrpc, AUnaryCallOverHttp2) {
  FakeGrpcServer server;
  OtlpConfig config = grpc_config(server.url());
  config.headers = {{"Api-Key", "s3cret"}};
  auto exporter = make_otlp_span_exporter(config, 100);
  ASSERT_TRUE(exporter.has_value());
  (*exporter)->export_spans({sample_span(sample_resource(1, "shop"))});
  (*exporter)->shutdown(seconds(60));
  EXPECT_EQ((*exporter)->stats().exported, 1u);
  EXPECT_EQ((*exporter)->stats().failed, 0u);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1u);
  const auto& headers = requests[0].headers;
  EXPECT_EQ(headers.at(":method"), "POST");
  EXPECT_EQ(headers.at(":scheme"), "http");
  EXPECT_EQ(headers.at(":path"), "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
  EXPECT_EQ(headers.at("content-type"), "application/grpc");
  EXPECT_EQ(headers.at("te"), "trailers");
  EXPECT_EQ(headers.at("grpc-timeout"), "9500m");
  EXPECT_EQ(headers.at("user-agent"), "tacit/0.1.0");
  EXPECT_EQ(headers.at("api-key"), "s3cret");
  EXPECT_EQ(headers.count("grpc-encoding"), 0u);
  const std::string& body = requests[0].body;
  ASSERT_GT(body.size(), 5u);
  EXPECT_EQ(body, FakeGrpcServer::frame(body.substr(5)));
  Request request;
  ASSERT_TRUE(request.ParseFromString(body.substr(5)));
  EXPECT_EQ(request.resource_spans(0).scope_spans(0).spans(0).name(), "GET /items/{id}");
}

TEST(OtlpGrpc, LargeRequestsOneAfterAnother) {
  FakeGrpcServer server;
  auto exporter = make_otlp_span_exporter(grpc_config(server.url() + "/"), 8192);
  ASSERT_TRUE(exporter.has_value());
  std::vector<telemetry::Span> spans;
  for (int i = 0; i < 2000; ++i) spans.push_back(sample_span(sample_resource(1, "shop")));
  (*exporter)->export_spans(std::move(spans));
  (*exporter)->shutdown(seconds(60));
  EXPECT_EQ((*exporter)->stats().exported, 2000u);
  EXPECT_EQ(server.requests().size(), 4u);
  EXPECT_EQ((*exporter)->stats().retries, 0u);
}

TEST(OtlpGrpc, GzipSetsTheFrameFlag) {
  FakeGrpcServer server;
  OtlpConfig config = grpc_config(server.url());
  config.gzip = true;
  const auto transport = make_transport(config);
  const StopSignal never;
  EXPECT_EQ(transport->send(transport->pack("abc"), never).outcome, Outcome::kDone);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_EQ(requests[0].headers.at("grpc-encoding"), "gzip");
  EXPECT_EQ(requests[0].body[0], '\1');
  EXPECT_EQ(requests[0].body.substr(5), gzip("abc"));
  EXPECT_EQ(static_cast<unsigned char>(requests[0].body[4]), gzip("abc").size());
}

TEST(OtlpGrpc, MetricsHaveTheirOwnMethod) {
  FakeGrpcServer server;
  const auto transport = make_transport(grpc_config(server.url()), OtlpSignal::kMetrics);
  const StopSignal never;
  EXPECT_EQ(transport->send(transport->pack(""), never).outcome, Outcome::kDone);
  EXPECT_EQ(server.requests().at(0).headers.at(":path"),
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export");
}

TEST(OtlpGrpc, PassingErrorsAreRetriedAndPermanentOnesAreNot) {
  FakeGrpcServer server(
      {{{{"grpc-status", "8"}, {"grpc-status-details-bin", kRetryAtOnce}}, "", {}},
       {{}, FakeGrpcServer::frame(""), {{"grpc-status", "3"}, {"grpc-message", "bad%20id"}}}});
  auto exporter = make_otlp_span_exporter(grpc_config(server.url()), 1000);
  ASSERT_TRUE(exporter.has_value());
  (*exporter)->export_spans(named_spans(600));  // batches of 512 and 88
  (*exporter)->shutdown(seconds(60));
  // The first batch is told to come back at once, then refused; the second is taken.
  EXPECT_EQ((*exporter)->stats().retries, 1u);
  EXPECT_EQ((*exporter)->stats().failed, 512u);
  EXPECT_EQ((*exporter)->stats().exported, 88u);
  EXPECT_EQ(server.requests().size(), 3u);
}

TEST(OtlpGrpc, StatusInTrailersAndInHeaders) {
  FakeGrpcServer server(
      {{{{"grpc-status", "14"}, {"grpc-message", "later"}}, "", {}},
       {{}, FakeGrpcServer::frame(""), {{"grpc-status", "16"}, {"grpc-message", "who"}}}});
  const auto transport = make_transport(grpc_config(server.url()));
  const StopSignal never;
  Attempt attempt = transport->send(transport->pack("x"), never);
  EXPECT_EQ(attempt.outcome, Outcome::kRetry);
  EXPECT_EQ(attempt.message, server.url() + " answered gRPC 14 UNAVAILABLE ('later')");
  attempt = transport->send(transport->pack("x"), never);
  EXPECT_EQ(attempt.outcome, Outcome::kPermanent);
  EXPECT_EQ(attempt.message, server.url() +
                                 " answered gRPC 16 UNAUTHENTICATED ('who'); check the credentials "
                                 "in the OTLP headers");
}

TEST(OtlpGrpc, PartialSuccessCountsTheRejected) {
  opentelemetry::proto::collector::trace::v1::ExportTraceServiceResponse response;
  response.mutable_partial_success()->set_rejected_spans(4);
  response.mutable_partial_success()->set_error_message("too old");
  FakeGrpcServer server(
      {{{}, FakeGrpcServer::frame(response.SerializeAsString()), {{"grpc-status", "0"}}}});
  auto exporter = make_otlp_span_exporter(grpc_config(server.url()), 100);
  ASSERT_TRUE(exporter.has_value());
  (*exporter)->export_spans(named_spans(10));
  (*exporter)->shutdown(seconds(60));
  EXPECT_EQ((*exporter)->stats().exported, 6u);
  EXPECT_EQ((*exporter)->stats().failed, 4u);
}

TEST(OtlpGrpc, AnHttp1ServerIsNoGrpcServer) {
  FakeHttpServer server({FakeHttpServer::reply("400 Bad Request")});
  const auto transport = make_transport(grpc_config(server.url("")));
  const StopSignal never;
  const Attempt attempt = transport->send(transport->pack("x"), never);
  EXPECT_NE(attempt.outcome, Outcome::kDone);
  EXPECT_THAT(attempt.message, testing::HasSubstr("(usually 4317)"));
}

}  // namespace
}  // namespace tacit::exporters
