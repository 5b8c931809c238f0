// SPDX-License-Identifier: Apache-2.0
// The whole page, as Prometheus gets it.
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <sstream>
#include <thread>

#include "agent/metrics/metrics.h"
#include "tests/unit/metrics/metric_reading.h"

namespace tacit::metrics {
namespace {

SelfFigures figures() {
  SelfFigures made;
  made.version = "0.1.0";
  made.events = {{"data", 1}};
  made.event_drops = {{"ring_full_send", 1}};
  made.parser = {{"exchanges", 1}};
  made.spans = {{"server", 1}};
  made.exporters = {{"console", 1, 0, 0, 0, 0, 8192}};
  made.programs = {{"sys_exit", 1, 1}};
  made.attached_probes = {{"syscalls", 1}};
  return made;
}

telemetry::ResourcePtr shared(telemetry::Resource made) {
  return std::make_shared<const telemetry::Resource>(std::move(made));
}

std::string page_of(const Metrics& metrics) {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, metrics.collect());
  return out.str();
}

void observe_both_sides(Metrics& metrics, const telemetry::Resource& api) {
  RequestSample sample;
  sample.method = "GET";
  sample.scheme = "http";
  sample.route = "/a\"b\\c\nd";  // must be escaped
  sample.status = 200;
  sample.protocol_version = "1.1";
  sample.request_body_bytes = sample.response_body_bytes = 1;
  metrics.observe(sample, api);
  metrics.add_active(sample, api, 1);
  sample.server = false;
  sample.server_address = "db\xFF";
  metrics.observe(sample, api);
}

TEST(MetricsPage, NamesAppearOnceAndEverySeriesHasJobAndInstance) {
  config::Config config;
  config.semconv = config::SemanticConvention::kBoth;
  Metrics metrics(config, shared(resource(1, "tacit", "host")), figures);
  const auto api = shared(resource(2, "api"));
  observe_both_sides(metrics, *api);
  metrics.set_processes({{static_cast<uint32_t>(::getpid()), 0, api}});
  const Families families = metrics.collect();
  std::set<std::string> names;
  for (const auto& one : families) {
    EXPECT_TRUE(names.insert(one.name).second) << one.name;
    EXPECT_FALSE(one.help.empty()) << one.name;
    for (const auto& metric : one.metric) {
      const LabelMap labels = labels_of(metric);
      EXPECT_EQ(labels.count("job"), 1u) << one.name;
      EXPECT_EQ(labels.count("instance"), 1u) << one.name;
    }
  }
  EXPECT_EQ(series_count(families, "process_cpu_seconds_total"), 2u);  // the agent's and api's
  EXPECT_EQ(series_count(families, "target_info"), 2u);
  EXPECT_EQ(names.count("http_server_duration_milliseconds"), 1u);
  EXPECT_EQ(names.count("http_client_request_duration_seconds"), 1u);
}

TEST(MetricsPage, CollectingDisturbsNoObservation) {
  Metrics metrics(config::Config{}, shared(resource(1, "tacit", "host")), figures);
  std::atomic<bool> done = false;
  std::thread scraper([&] {
    while (!done) metrics.collect();
  });
  RequestSample sample;
  sample.method = "GET";
  for (uint64_t i = 0; i < 2000; ++i) {
    const std::string route = "/r" + std::to_string(i % 100);
    sample.route = route;
    const auto service = resource(2 + i % 50, "s" + std::to_string(i % 50));
    metrics.add_active(sample, service, 1);
    metrics.observe(sample, service);
    metrics.add_active(sample, service, -1);
    if (i % 100 == 0) metrics.set_processes({{1, 0, shared(service)}});
  }
  done = true;
  scraper.join();
  EXPECT_EQ(total_count(metrics.collect(), "http_server_request_duration_seconds"), 2000u);
}

TEST(MetricsPage, PromtoolFindsNothingToSay) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) {
    GTEST_SKIP() << "promtool is not installed (Debian package prometheus)";
  }
  Metrics metrics(config::Config{}, shared(resource(1, "tacit", "host")), figures);
  const auto api = shared(resource(2, "api"));
  observe_both_sides(metrics, *api);
  metrics.set_processes({{static_cast<uint32_t>(::getpid()), 0, api}});
  FILE* promtool = ::popen("promtool check metrics 2>&1", "w");
  ASSERT_NE(promtool, nullptr);
  const std::string page = page_of(metrics);
  ASSERT_EQ(std::fwrite(page.data(), 1, page.size(), promtool), page.size());
  EXPECT_EQ(::pclose(promtool), 0) << page;  // 3: a name or type that the linter objects to
}

}  // namespace
}  // namespace tacit::metrics
