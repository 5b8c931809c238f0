// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/prometheus_exposer.h"

#include <curl/curl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/unit/exporters/fake_http_server.h"

namespace tacit::exporters {
namespace {

using testing::HasSubstr;

class OneGauge : public telemetry::MetricSource {
 public:
  std::vector<prometheus::MetricFamily> collect() const override {
    prometheus::ClientMetric metric;
    metric.label = {{"job", "shop"}, {"instance", "h\"1\n"}};
    metric.gauge.value = 3;
    return {{"http_server_active_requests",
             "Requests in flight.",
             prometheus::MetricType::Gauge,
             {metric}}};
  }
};

class Thrower : public telemetry::MetricSource {
 public:
  std::vector<prometheus::MetricFamily> collect() const override {
    throw std::runtime_error("no memory");
  }
};

size_t append(char* data, size_t, size_t size, void* user) {
  static_cast<std::string*>(user)->append(data, size);
  return size;
}

std::string scrape(uint16_t port, long& status) {
  std::string body;
  CURL* easy = curl_easy_init();
  curl_easy_setopt(easy, CURLOPT_URL,
                   ("http://127.0.0.1:" + std::to_string(port) + "/metrics").c_str());
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
  EXPECT_EQ(curl_easy_perform(easy), CURLE_OK);
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_cleanup(easy);
  return body;
}

TEST(PrometheusExposer, ServesTheSource) {
  const OneGauge source;
  const auto exposer = PrometheusExposer::start("localhost", 0, source);
  ASSERT_TRUE(exposer.has_value()) << exposer.error().message;
  long status = 0;
  const std::string body = scrape((*exposer)->port(), status);
  EXPECT_EQ(status, 200);
  EXPECT_THAT(body,
              HasSubstr("# HELP http_server_active_requests Requests in flight.\n"
                        "# TYPE http_server_active_requests gauge\n"
                        "http_server_active_requests{job=\"shop\",instance=\"h\\\"1\\n\"} 3\n"));
}

TEST(PrometheusExposer, ASourceThatThrowsDoesNotEndTheAgent) {
  const Thrower source;
  const auto exposer = PrometheusExposer::start("127.0.0.1", 0, source);
  ASSERT_TRUE(exposer.has_value()) << exposer.error().message;
  long status = 0;
  EXPECT_THAT(scrape((*exposer)->port(), status), testing::Not(HasSubstr("http_server")));
  EXPECT_EQ(status, 200);
}

TEST(PrometheusExposer, APortInUseIsOneClearError) {
  uint16_t port = 0;
  const Fd taken = listen_on_loopback(port);
  const OneGauge source;
  const auto exposer = PrometheusExposer::start("127.0.0.1", port, source);
  ASSERT_FALSE(exposer.has_value());
  EXPECT_EQ(exposer.error().message,
            "Cannot serve metrics on 127.0.0.1:" + std::to_string(port) +
                ": Address already in use; choose another Prometheus port or stop what uses this "
                "one.");
}

TEST(PrometheusExposer, AnUnknownHostIsOneClearError) {
  const OneGauge source;
  const auto exposer = PrometheusExposer::start("no such\x1b host", 1, source);
  ASSERT_FALSE(exposer.has_value());
  EXPECT_THAT(exposer.error().message, HasSubstr("Cannot serve metrics on 'no such\\x1b host': "));
}

}  // namespace
}  // namespace tacit::exporters
