// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/request_metrics.h"

#include <gtest/gtest.h>

#include "tests/unit/metrics/metric_reading.h"

namespace tacit::metrics {
namespace {

using config::SemanticConvention;

config::Config config_of(SemanticConvention convention, uint32_t limit = 2000) {
  config::Config config;
  config.semconv = convention;
  config.series_limit = limit;
  return config;
}

struct Fixture {
  explicit Fixture(SemanticConvention convention = SemanticConvention::kStable,
                   uint32_t limit = 2000)
      : targets(resource(1, "tacit", "host"), limit + 1),
        requests(config_of(convention, limit), targets) {}
  TargetTable targets;
  RequestMetrics requests;
  telemetry::Resource api = resource(2, "api");
};

RequestSample served(std::string_view route = "/items/{id}") {
  RequestSample sample;
  sample.server = true;
  sample.method = "GET";
  sample.scheme = "http";
  sample.route = route;
  sample.status = 200;
  sample.protocol_version = "1.1";
  sample.duration_ns = 30'000'000;
  sample.request_body_bytes = 0;
  sample.response_body_bytes = 42;
  return sample;
}

RequestSample called() {
  RequestSample sample = served("");
  sample.server = false;
  sample.server_address = "db.example";
  sample.server_port = 8080;
  return sample;
}

const LabelMap kServed = {{"job", "api"},
                          {"instance", "host:8000"},
                          {"http_request_method", "GET"},
                          {"http_response_status_code", "200"},
                          {"http_route", "/items/{id}"},
                          {"url_scheme", "http"},
                          {"network_protocol_version", "1.1"}};

TEST(RequestMetrics, ServerSeries) {
  Fixture f;
  f.requests.observe(served(), f.api);
  f.requests.observe(served(), f.api);
  const Families families = f.requests.collect();
  const auto* duration = series(families, "http_server_request_duration_seconds", kServed);
  ASSERT_NE(duration, nullptr);
  EXPECT_EQ(duration->histogram.sample_count, 2u);
  EXPECT_DOUBLE_EQ(duration->histogram.sample_sum, 0.06);
  ASSERT_EQ(duration->histogram.bucket.size(), 15u);
  EXPECT_EQ(duration->histogram.bucket[2].upper_bound, 0.025);
  EXPECT_EQ(duration->histogram.bucket[2].cumulative_count, 0u);
  EXPECT_EQ(duration->histogram.bucket[3].cumulative_count, 2u);
  const auto* request = series(families, "http_server_request_body_size_bytes", kServed);
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->histogram.bucket[0].cumulative_count, 2u);  // le="0"
  const auto* response = series(families, "http_server_response_body_size_bytes", kServed);
  ASSERT_NE(response, nullptr);
  EXPECT_EQ(response->histogram.sample_sum, 84);
  EXPECT_EQ(family(families, "http_server_duration_milliseconds"), nullptr);
  EXPECT_EQ(family(families, "http_client_request_duration_seconds"), nullptr);
}

TEST(RequestMetrics, ClientSeriesNameTheServerAndTheError) {
  Fixture f;
  RequestSample sample = called();
  sample.status = 0;
  sample.error_type = "ECONNRESET";
  sample.response_body_bytes = -1;
  f.requests.observe(sample, f.api);
  const Families families = f.requests.collect();
  const LabelMap labels = {{"job", "api"},
                           {"instance", "host:8000"},
                           {"http_request_method", "GET"},
                           {"url_scheme", "http"},
                           {"network_protocol_version", "1.1"},
                           {"error_type", "ECONNRESET"},
                           {"server_address", "db.example"},
                           {"server_port", "8080"}};
  EXPECT_NE(series(families, "http_client_request_duration_seconds", labels), nullptr);
  EXPECT_NE(series(families, "http_client_request_body_size_bytes", labels), nullptr);
  EXPECT_EQ(family(families, "http_client_response_body_size_bytes"), nullptr);
}

TEST(RequestMetrics, EachLabelMakesItsOwnSeries) {
  Fixture f;
  RequestSample sample = served();
  f.requests.observe(sample, f.api);
  sample.method = "POST";
  f.requests.observe(sample, f.api);
  sample.status = 500;
  f.requests.observe(sample, f.api);
  sample.error_type = "500";
  f.requests.observe(sample, f.api);
  sample.route = "";
  f.requests.observe(sample, f.api);
  sample.protocol_version = "1.0";
  f.requests.observe(sample, f.api);
  sample.scheme = "https";
  f.requests.observe(sample, f.api);
  f.requests.observe(sample, resource(3, "other"));
  f.requests.observe(sample, resource(4, "other"));  // the same pair again
  const Families families = f.requests.collect();
  EXPECT_EQ(series_count(families, "http_server_request_duration_seconds"), 8u);
  EXPECT_EQ(total_count(families, "http_server_request_duration_seconds"), 9u);
}

TEST(RequestMetrics, LegacyNamesLabelsAndBuckets) {
  Fixture f(SemanticConvention::kLegacy);
  f.requests.observe(served(), f.api);
  f.requests.observe(called(), f.api);
  const Families families = f.requests.collect();
  const LabelMap labels = {{"job", "api"},          {"instance", "host:8000"},
                           {"http_method", "GET"},  {"http_status_code", "200"},
                           {"http_scheme", "http"}, {"http_flavor", "1.1"},
                           {"http_route", "/items/{id}"}};
  const auto* duration = series(families, "http_server_duration_milliseconds", labels);
  ASSERT_NE(duration, nullptr);
  EXPECT_DOUBLE_EQ(duration->histogram.sample_sum, 30);
  ASSERT_EQ(duration->histogram.bucket.size(), 16u);
  EXPECT_EQ(duration->histogram.bucket[3].upper_bound, 25);
  EXPECT_EQ(duration->histogram.bucket[3].cumulative_count, 0u);
  EXPECT_EQ(duration->histogram.bucket[4].cumulative_count, 1u);
  EXPECT_NE(series(families, "http_server_request_size_bytes", labels), nullptr);
  EXPECT_NE(series(families, "http_server_response_size_bytes", labels), nullptr);
  EXPECT_NE(series(families, "http_client_duration_milliseconds",
                   {{"job", "api"},
                    {"instance", "host:8000"},
                    {"http_method", "GET"},
                    {"http_status_code", "200"},
                    {"http_scheme", "http"},
                    {"http_flavor", "1.1"},
                    {"net_peer_name", "db.example"},
                    {"net_peer_port", "8080"}}),
            nullptr);
  EXPECT_EQ(family(families, "http_server_request_duration_seconds"), nullptr);
}

TEST(RequestMetrics, BothConventionsCountEachRequestOnceAName) {
  Fixture f(SemanticConvention::kBoth);
  RequestSample sample = served();
  f.requests.observe(sample, f.api);
  sample.error_type = "client_aborted";  // a label that the older names lack
  f.requests.observe(sample, f.api);
  const Families families = f.requests.collect();
  EXPECT_EQ(series_count(families, "http_server_request_duration_seconds"), 2u);
  EXPECT_EQ(series_count(families, "http_server_duration_milliseconds"), 1u);
  EXPECT_EQ(total_count(families, "http_server_duration_milliseconds"), 2u);
}

TEST(RequestMetrics, ActiveRequestsCarryTheLabelsOfWhatIsOn) {
  const LabelMap base = {{"job", "api"}, {"instance", "host:8000"}};
  const LabelMap stable = {{"http_request_method", "GET"}, {"url_scheme", "http"}};
  const LabelMap legacy = {{"http_method", "GET"}, {"http_scheme", "http"}};
  for (const auto convention :
       {SemanticConvention::kStable, SemanticConvention::kLegacy, SemanticConvention::kBoth}) {
    Fixture f(convention);
    f.requests.add_active(served(), f.api, 1);
    f.requests.add_active(served(), f.api, 1);
    f.requests.add_active(served(), f.api, -1);
    LabelMap labels = base;
    if (convention != SemanticConvention::kLegacy) labels.insert(stable.begin(), stable.end());
    if (convention != SemanticConvention::kStable) labels.insert(legacy.begin(), legacy.end());
    const Families families = f.requests.collect();
    const auto* gauge = series(families, "http_server_active_requests", labels);
    ASSERT_NE(gauge, nullptr);
    EXPECT_EQ(gauge->gauge.value, 1);
    EXPECT_EQ(series_count(families, "http_server_active_requests"), 1u);
  }
}

TEST(RequestMetrics, AtTheCapNothingIsLostButLabels) {
  Fixture f(SemanticConvention::kBoth, 10);
  std::vector<std::string> routes;
  for (int i = 0; i < 25; ++i) routes.push_back("/r" + std::to_string(i));
  for (const std::string& route : routes) f.requests.observe(served(route), f.api);
  f.requests.observe(served(routes[0]), f.api);  // known before the cap: keeps its labels
  const Families families = f.requests.collect();
  const LabelMap overflow = {
      {"job", "api"}, {"instance", "host:8000"}, {"otel_metric_overflow", "true"}};
  for (const char* name : {"http_server_request_duration_seconds",
                           "http_server_response_body_size_bytes",
                           "http_server_duration_milliseconds"}) {
    EXPECT_EQ(series_count(families, name), 11u);
    EXPECT_EQ(total_count(families, name), 26u);
    ASSERT_NE(series(families, name, overflow), nullptr);
    EXPECT_EQ(series(families, name, overflow)->histogram.sample_count, 15u);
    EXPECT_EQ(series(families, "tacit_metric_overflow_total",
                     {{"job", "tacit"}, {"instance", "host"}, {"metric", name}})
                  ->counter.value,
              15);
  }
  EXPECT_EQ(series(families, "tacit_metric_overflow_total",
                   {{"job", "tacit"},
                    {"instance", "host"},
                    {"metric", "http_client_request_duration_seconds"}})
                ->counter.value,
            0);
}

TEST(RequestMetrics, OverflowOfManyTargetsIsBounded) {
  Fixture f(SemanticConvention::kStable, 1);
  TargetTable targets(resource(1, "tacit", "host"), 1000);
  RequestMetrics requests(config_of(SemanticConvention::kStable, 1), targets);
  for (uint64_t i = 0; i < 200; ++i) {
    requests.observe(served(), resource(10 + i, "s" + std::to_string(i)));
  }
  const Families families = requests.collect();
  EXPECT_EQ(total_count(families, "http_server_request_duration_seconds"), 200u);
  EXPECT_EQ(series_count(families, "http_server_request_duration_seconds"),
            1 + RequestMetrics::kMaxOverflowTargets + 1);
}

TEST(RequestMetrics, NoRoomForATargetIsOverflowToo) {
  TargetTable targets(resource(1, "tacit", "host"), 1);
  RequestMetrics requests(config_of(SemanticConvention::kStable), targets);
  requests.observe(served(), resource(2, "api"));
  requests.add_active(served(), resource(2, "api"), 1);
  const Families families = requests.collect();
  const LabelMap overflow = {
      {"job", "tacit"}, {"instance", "host"}, {"otel_metric_overflow", "true"}};
  EXPECT_NE(series(families, "http_server_request_duration_seconds", overflow), nullptr);
  EXPECT_EQ(series(families, "http_server_active_requests", overflow)->gauge.value, 1);
}

}  // namespace
}  // namespace tacit::metrics
