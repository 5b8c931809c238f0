// SPDX-License-Identifier: Apache-2.0
#include "exporters/exporters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exporters/otlp/endpoint.h"
#include "tests/unit/exporters/fake_http_server.h"
#include "tests/unit/exporters/samples.h"

namespace tacit::exporters {
namespace {

using config::Config;
using config::OtlpConfig;
using config::OtlpProtocol;
using testing::HasSubstr;

TEST(MakeSpanExporters, NoneByDefault) {
  const auto exporters = make_span_exporters(Config{});
  ASSERT_TRUE(exporters.has_value());
  EXPECT_EQ(exporters->size(), 0u);
}

TEST(MakeSpanExporters, OneForEachDestination) {
  FakeHttpServer server;
  Config config;
  config.console = config::ConsoleFormat::kText;
  config.queue_spans = 77;
  config.otlp_traces.endpoint = server.url();
  config.otlp_traces.protocol = OtlpProtocol::kHttpProtobuf;
  const auto exporters = make_span_exporters(config);
  ASSERT_TRUE(exporters.has_value());
  ASSERT_EQ(exporters->size(), 2u);
  EXPECT_EQ((*exporters)[0]->stats().destination, "console");
  EXPECT_EQ((*exporters)[1]->stats().destination, "otlp-spans");
  EXPECT_EQ((*exporters)[1]->stats().queue_capacity, 77u);
  (*exporters)[1]->export_spans(named_spans(3));
  shutdown_all(*exporters, nullptr, std::chrono::seconds(60));
  EXPECT_EQ((*exporters)[1]->stats().exported, 3u);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(MakeSpanExporters, SettingsThatCannotWorkAreErrors) {
  const auto error = [](auto change) {
    Config config;
    config.otlp_traces.endpoint = "http://user:s3cret@localhost:4317";
    change(config.otlp_traces);
    const auto exporters = make_span_exporters(config);
    EXPECT_FALSE(exporters.has_value());
    return exporters ? "" : exporters.error().message;
  };
  EXPECT_THAT(error([](OtlpConfig& c) { c.endpoint = "ftp://localhost"; }),
              HasSubstr("'localhost' is no http:// or https:// URL"));
  EXPECT_THAT(error([](OtlpConfig& c) { c.endpoint = "http://"; }),
              HasSubstr("'(unreadable)' is no http:// or https:// URL"));
  EXPECT_EQ(error([](OtlpConfig& c) { c.certificate = "/no/such.pem"; }),
            "Cannot read the OTLP CA certificate file '/no/such.pem': No such file or directory; "
            "check its path and permissions.");
  EXPECT_THAT(error([](OtlpConfig& c) { c.client_key = "/no/such.key"; }),
              HasSubstr("OTLP client key file"));
  const std::string injected = error([](OtlpConfig& c) { c.headers = {{"a", "s3cret\r\nx: y"}}; });
  EXPECT_THAT(injected, HasSubstr("The OTLP header 'a' cannot be sent"));
  EXPECT_THAT(injected, testing::Not(HasSubstr("s3cret")));
  EXPECT_THAT(error([](OtlpConfig& c) { c.headers = {{"a b", "c"}}; }), HasSubstr("'a b'"));
}

TEST(CheckEndpoint, NeverShowsSecrets) {
  OtlpConfig config;
  config.endpoint = "https://user:s3cret@example.com:4318/v1/traces?key=s3cret";
  config.protocol = OtlpProtocol::kHttpProtobuf;
  const auto http = check_endpoint(config, OtlpSignal::kTraces);
  ASSERT_TRUE(http.has_value());
  EXPECT_EQ(http->shown, "https://example.com:4318/v1/traces");
  EXPECT_EQ(http->url, config.endpoint);
  EXPECT_TRUE(http->tls);
  EXPECT_FALSE(http->loopback);
  config.endpoint = "http://localhost:4317";
  config.protocol = OtlpProtocol::kGrpc;
  const auto grpc = check_endpoint(config, OtlpSignal::kMetrics);
  ASSERT_TRUE(grpc.has_value());
  EXPECT_EQ(grpc->shown, "http://localhost:4317");
  EXPECT_EQ(grpc->url,
            "http://localhost:4317/opentelemetry.proto.collector.metrics.v1.MetricsService/Export");
  EXPECT_FALSE(grpc->tls);
  EXPECT_TRUE(grpc->loopback);
}

TEST(CheckReachable, ListeningRefusedAndNotConfigured) {
  EXPECT_TRUE(check_reachable({}).has_value());
  uint16_t port = 0;
  Fd listener = listen_on_loopback(port);
  OtlpConfig config;
  config.endpoint = "http://127.0.0.1:" + std::to_string(port);
  const auto reachable = check_reachable(config);
  EXPECT_TRUE(reachable.has_value()) << reachable.error().message;
  config.protocol = OtlpProtocol::kHttpProtobuf;
  EXPECT_TRUE(check_reachable(config).has_value());
  listener.reset();
  const auto refused = check_reachable(config);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message,
              testing::StartsWith("Cannot reach the OTLP endpoint " + config.endpoint));
}

class Nothing : public telemetry::MetricSource {
 public:
  std::vector<prometheus::MetricFamily> collect() const override { return {}; }
};

TEST(MetricOutputs, StartWhatIsConfigured) {
  const Nothing source;
  Config config;
  auto none = MetricOutputs::start(config, source);
  ASSERT_TRUE(none.has_value());
  EXPECT_EQ((*none)->stats().size(), 0u);
  EXPECT_EQ((*none)->prometheus_port(), 0);

  FakeHttpServer server;
  config.prometheus = true;
  config.prometheus_port = 0;
  config.otlp_metrics.endpoint = server.url("/v1/metrics");
  config.otlp_metrics.protocol = OtlpProtocol::kHttpProtobuf;
  auto both = MetricOutputs::start(config, source);
  ASSERT_TRUE(both.has_value());
  EXPECT_NE((*both)->prometheus_port(), 0);
  ASSERT_EQ((*both)->stats().size(), 1u);
  shutdown_all({}, both->get(), std::chrono::seconds(60));
  EXPECT_EQ((*both)->prometheus_port(), 0);
  EXPECT_EQ(server.requests().size(), 0u);  // nothing to say, nothing sent
}

}  // namespace
}  // namespace tacit::exporters
