// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/encode_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "exporters/otlp/encode_spans.h"
#include "exporters/otlp/metric_names.h"
#include "metrics_service.pb.h"

namespace tacit::exporters {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using testing::ElementsAre;
using Request = opentelemetry::proto::collector::metrics::v1::ExportMetricsServiceRequest;
namespace otlp = opentelemetry::proto::metrics::v1;

using Labels = std::vector<ClientMetric::Label>;

Labels on(const std::string& job, const std::string& instance, Labels more = {}) {
  Labels labels = {{"job", job}, {"instance", instance}};
  labels.insert(labels.end(), more.begin(), more.end());
  return labels;
}

MetricFamily family(const std::string& name, MetricType type, std::vector<ClientMetric> metrics) {
  return {name, "What " + name + " is.", type, std::move(metrics)};
}

ClientMetric counter(Labels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.counter.value = value;
  return metric;
}

ClientMetric gauge(Labels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value;
  return metric;
}

ClientMetric histogram(Labels labels, bool with_inf) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.histogram = {10, 12.5, {{2, 0.1}, {7, 1.0}, {9, 2.5}}};
  if (with_inf) metric.histogram.bucket.push_back({10, INFINITY});
  return metric;
}

Request encode(const std::vector<MetricFamily>& families) {
  Request request;
  const auto payloads = encode_metrics(families, 100, 200);
  EXPECT_EQ(payloads.size(), 1u);
  EXPECT_TRUE(request.ParseFromString(payloads.at(0).body));
  return request;
}

const otlp::Metric& only_metric(const Request& request) {
  EXPECT_EQ(request.resource_metrics_size(), 1);
  EXPECT_EQ(request.resource_metrics(0).scope_metrics_size(), 1);
  EXPECT_EQ(request.resource_metrics(0).scope_metrics(0).metrics_size(), 1);
  return request.resource_metrics(0).scope_metrics(0).metrics(0);
}

std::string text(
    const google::protobuf::RepeatedPtrField<opentelemetry::proto::common::v1::KeyValue>&
        attributes) {
  std::string all;
  for (const auto& attribute : attributes) {
    const auto& value = attribute.value();
    all += attribute.key() + "=" +
           (value.has_int_value()    ? "int " + std::to_string(value.int_value())
            : value.has_bool_value() ? std::string("bool ") + (value.bool_value() ? "1" : "0")
                                     : value.string_value()) +
           ";";
  }
  return all;
}

TEST(EncodeMetrics, CounterBecomesAMonotonicSum) {
  const Request request = encode({family("tacit_events_total", MetricType::Counter,
                                         {counter(on("tacit", "h", {{"kind", "data"}}), 5)})});
  const otlp::Metric& metric = only_metric(request);
  EXPECT_EQ(metric.name(), "tacit_events");
  EXPECT_EQ(metric.description(), "What tacit_events_total is.");
  EXPECT_EQ(metric.unit(), "");
  ASSERT_TRUE(metric.has_sum());
  EXPECT_TRUE(metric.sum().is_monotonic());
  EXPECT_EQ(metric.sum().aggregation_temporality(), otlp::AGGREGATION_TEMPORALITY_CUMULATIVE);
  ASSERT_EQ(metric.sum().data_points_size(), 1);
  const auto& point = metric.sum().data_points(0);
  EXPECT_EQ(point.start_time_unix_nano(), 100u);
  EXPECT_EQ(point.time_unix_nano(), 200u);
  EXPECT_EQ(point.as_double(), 5);
  EXPECT_EQ(text(point.attributes()), "kind=data;");
}

TEST(EncodeMetrics, HistogramBucketsAreNoLongerCumulative) {
  for (const bool with_inf : {false, true}) {
    const Request request =
        encode({family("http_server_request_duration_seconds", MetricType::Histogram,
                       {histogram(on("shop", "h:1",
                                     {{"http_request_method", "GET"},
                                      {"http_response_status_code", "200"},
                                      {"http_route", "/x"}}),
                                  with_inf)})});
    const otlp::Metric& metric = only_metric(request);
    EXPECT_EQ(metric.name(), "http.server.request.duration");
    EXPECT_EQ(metric.unit(), "s");
    ASSERT_TRUE(metric.has_histogram());
    EXPECT_EQ(metric.histogram().aggregation_temporality(),
              otlp::AGGREGATION_TEMPORALITY_CUMULATIVE);
    const auto& point = metric.histogram().data_points(0);
    EXPECT_EQ(point.count(), 10u);
    EXPECT_EQ(point.sum(), 12.5);
    EXPECT_THAT(point.bucket_counts(), ElementsAre(2, 5, 2, 1));
    EXPECT_THAT(point.explicit_bounds(), ElementsAre(0.1, 1.0, 2.5));
    EXPECT_EQ(point.start_time_unix_nano(), 100u);
    EXPECT_EQ(text(point.attributes()),
              "http.request.method=GET;http.response.status_code=int 200;http.route=/x;");
  }
}

TEST(EncodeMetrics, GaugesAndUpDownCounters) {
  const Request request =
      encode({family("http_server_active_requests", MetricType::Gauge, {gauge(on("s", "h"), 3)}),
              family("tacit_ring_fill_ratio", MetricType::Gauge, {gauge(on("s", "h"), 0.25)})});
  const auto& metrics = request.resource_metrics(0).scope_metrics(0).metrics();
  ASSERT_EQ(metrics.size(), 2);
  EXPECT_EQ(metrics[0].name(), "http.server.active_requests");
  EXPECT_EQ(metrics[0].unit(), "{request}");
  ASSERT_TRUE(metrics[0].has_sum());
  EXPECT_FALSE(metrics[0].sum().is_monotonic());
  EXPECT_EQ(metrics[0].sum().data_points(0).as_double(), 3);
  EXPECT_EQ(metrics[0].sum().data_points(0).start_time_unix_nano(), 100u);
  EXPECT_EQ(metrics[1].name(), "tacit_ring_fill");
  EXPECT_EQ(metrics[1].unit(), "1");
  ASSERT_TRUE(metrics[1].has_gauge());
  EXPECT_EQ(metrics[1].gauge().data_points(0).as_double(), 0.25);
  EXPECT_EQ(metrics[1].gauge().data_points(0).start_time_unix_nano(), 0u);
}

TEST(EncodeMetrics, NamesOfHardware) {
  const auto is = [](const char* name, MetricType type, const char* otel, const char* unit,
                     bool up_down) {
    const OtelMetric found = otel_metric(name, type);
    EXPECT_EQ(found.name, otel);
    EXPECT_EQ(found.unit, unit) << name;
    EXPECT_EQ(found.up_down, up_down) << name;
  };
  is("hw_energy_joules_total", MetricType::Counter, "hw.energy", "J", false);
  is("hw_gpu_memory_usage_bytes", MetricType::Gauge, "hw.gpu.memory.usage", "By", true);
  is("hw_gpu_utilization_ratio", MetricType::Gauge, "hw.gpu.utilization", "1", false);
  is("gpu_clock_hertz", MetricType::Gauge, "gpu_clock", "Hz", false);
  is("gpu_pcie_throughput_bytes_per_second", MetricType::Gauge, "gpu_pcie_throughput",
     "By/s", false);
  is("gpu_nvlink_bytes_total", MetricType::Counter, "gpu_nvlink", "By", false);
  EXPECT_EQ(otel_attribute("hw_gpu_task").name, "hw.gpu.task");
  EXPECT_EQ(otel_attribute("network_io_direction").name, "network.io.direction");
}

TEST(EncodeMetrics, Summary) {
  ClientMetric metric;
  metric.label = on("s", "h");
  metric.summary = {4, 8.0, {{0.5, 1.5}, {0.99, 3.0}}};
  const Request request = encode({family("x_seconds", MetricType::Summary, {metric})});
  ASSERT_TRUE(only_metric(request).has_summary());
  const auto& point = only_metric(request).summary().data_points(0);
  EXPECT_EQ(point.count(), 4u);
  EXPECT_EQ(point.sum(), 8.0);
  ASSERT_EQ(point.quantile_values_size(), 2);
  EXPECT_EQ(point.quantile_values(1).quantile(), 0.99);
  EXPECT_EQ(point.quantile_values(1).value(), 3.0);
}

TEST(EncodeMetrics, OneResourcePerTargetWithItsTargetInfo) {
  const Request request =
      encode({family("target_info", MetricType::Gauge,
                     {gauge(on("demo/shop", "h:1",
                               {{"service_namespace", "demo"},
                                {"service_name", "shop"},
                                {"process_pid", "42"},
                                {"team", "blue"}}),
                            1)}),
              family("a_total", MetricType::Counter,
                     {counter(on("demo/shop", "h:1"), 1), counter(on("stock", "h:2"), 2)}),
              family("b_total", MetricType::Counter,
                     {counter({}, 4), counter(on("demo/shop", "h:1"), 3)})});
  ASSERT_EQ(request.resource_metrics_size(), 3);
  const auto& self = request.resource_metrics(0);
  EXPECT_EQ(text(self.resource().attributes()), "service.name=tacit;");
  const auto& shop = request.resource_metrics(1);
  EXPECT_EQ(text(shop.resource().attributes()),
            "service.name=shop;service.instance.id=h:1;service.namespace=demo;process.pid=int 42;"
            "team=blue;");
  ASSERT_EQ(shop.scope_metrics(0).metrics_size(), 2);
  EXPECT_EQ(shop.scope_metrics(0).metrics(0).name(), "a");
  EXPECT_EQ(shop.scope_metrics(0).metrics(1).name(), "b");
  EXPECT_EQ(shop.scope_metrics(0).metrics(1).sum().data_points(0).as_double(), 3);
  EXPECT_EQ(shop.scope_metrics(0).scope().name(), "tacit");
  const auto& stock = request.resource_metrics(2);
  EXPECT_EQ(text(stock.resource().attributes()), "service.name=stock;service.instance.id=h:2;");
  EXPECT_EQ(stock.scope_metrics(0).metrics(0).sum().data_points(0).as_double(), 2);
}

TEST(EncodeMetrics, LabelsThatAreNotWhatTheirNameSaysStayText) {
  const Request request = encode({family("a_total", MetricType::Counter,
                                         {counter(on("s", "h",
                                                     {{"http_response_status_code", "2xx"},
                                                      {"server_port", ""},
                                                      {"otel_metric_overflow", "true"},
                                                      {"custom_label", "7"}}),
                                                  1)})});
  EXPECT_EQ(text(only_metric(request).sum().data_points(0).attributes()),
            "http.response.status_code=2xx;server.port=;otel.metric.overflow=bool 1;"
            "custom_label=7;");
}

TEST(EncodeMetrics, LargeSnapshotsAreSplitAndNothingIsLost) {
  std::vector<ClientMetric> metrics;
  for (int i = 0; i < 20'000; ++i) {
    metrics.push_back(histogram(on("s", "h", {{"http_route", "/" + std::to_string(i)}}), true));
  }
  const auto payloads = encode_metrics(
      {family("http_server_request_duration_seconds", MetricType::Histogram, metrics)}, 1, 2);
  EXPECT_EQ(payloads.size(), 2u);
  std::set<std::string> routes;
  uint64_t items = 0;
  for (const Payload& payload : payloads) {
    EXPECT_LT(payload.body.size(), kRequestBytes + 1000);
    items += payload.items;
    Request request;
    ASSERT_TRUE(request.ParseFromString(payload.body));
    for (const auto& point : only_metric(request).histogram().data_points()) {
      routes.insert(point.attributes(0).value().string_value());
    }
  }
  EXPECT_EQ(items, 20'000u);
  EXPECT_EQ(routes.size(), 20'000u);
}

TEST(EncodeMetrics, NothingForNoSeries) {
  EXPECT_EQ(encode_metrics({}, 1, 2).size(), 0u);
  EXPECT_EQ(
      encode_metrics({family("target_info", MetricType::Gauge, {gauge(on("s", "h"), 1)})}, 1, 2)
          .size(),
      0u);
}

TEST(MetricNames, TableAndRule) {
  const auto name = [](const char* prometheus_name, MetricType type) {
    const OtelMetric otel = otel_metric(prometheus_name, type);
    return otel.name + "|" + std::string(otel.unit) + (otel.up_down ? "|up-down" : "");
  };
  const MetricType c = MetricType::Counter, g = MetricType::Gauge, h = MetricType::Histogram;
  EXPECT_EQ(name("http_server_request_duration_seconds", h), "http.server.request.duration|s");
  EXPECT_EQ(name("http_client_request_duration_seconds", h), "http.client.request.duration|s");
  EXPECT_EQ(name("http_server_request_body_size_bytes", h), "http.server.request.body.size|By");
  EXPECT_EQ(name("http_server_response_body_size_bytes", h), "http.server.response.body.size|By");
  EXPECT_EQ(name("http_server_active_requests", g),
            "http.server.active_requests|{request}|up-down");
  EXPECT_EQ(name("http_server_duration_milliseconds", h), "http.server.duration|ms");
  EXPECT_EQ(name("http_server_request_size_bytes", h), "http.server.request.size|By");
  EXPECT_EQ(name("http_client_duration_milliseconds", h), "http.client.duration|ms");
  EXPECT_EQ(name("process_cpu_seconds_total", c), "process.cpu.time|s");
  EXPECT_EQ(name("process_resident_memory_bytes", g), "process.memory.usage|By|up-down");
  EXPECT_EQ(name("process_start_time_seconds", g), "process_start_time|s");
  EXPECT_EQ(name("tacit_bpf_run_seconds_total", c), "tacit_bpf_run|s");
  EXPECT_EQ(name("tacit_things_total", g), "tacit_things_total|");
  EXPECT_EQ(name("tacit_queue_spans", g), "tacit_queue_spans|");
  EXPECT_EQ(name("_bytes", g), "_bytes|");
}

}  // namespace
}  // namespace tacit::exporters
