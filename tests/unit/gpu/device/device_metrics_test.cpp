// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/device/device_metrics.h"

#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "agent/gpu/device/device_sampler.h"
#include "tests/unit/gpu/device/fake_device.h"
#include "tests/unit/metrics/metric_reading.h"

namespace tacit::gpu {
namespace {

using metrics::Families;
using metrics::LabelMap;

constexpr const char* kUuid = "GPU-00000000-0000-4000-8000-000000000000";

class DeviceMetricsTest : public testing::Test {
 protected:
  Families page(bool dcgm = false) {
    for (int i = 0; i < 2; ++i) sampler_.round(now_ns_ += kSecond);
    return read(dcgm);
  }
  Families read(bool dcgm = false) {
    const auto self = std::make_shared<telemetry::Resource>(metrics::resource(1, "tacit", "host"));
    return DeviceMetrics({self, "node1", dcgm, 2000, [this] { return sampler_.snapshot(); },
                          [this] { return observed_; }, [this] { return now_ns_; }})
        .collect();
  }
  static LabelMap labels(const LabelMap& more = {}) {
    LabelMap all = {{"job", "tacit"},       {"instance", "host"},
                    {"hw_id", kUuid},       {"hw_type", "gpu"},
                    {"hw_name", "nvidia0"}, {"hw_model", "NVIDIA H100 80GB HBM3"},
                    {"hw_vendor", "NVIDIA"}};
    all.insert(more.begin(), more.end());
    return all;
  }
  static double gauge(const Families& families, const char* name, const LabelMap& more = {}) {
    const auto* found = metrics::series(families, name, labels(more));
    EXPECT_NE(found, nullptr) << name;
    return found != nullptr ? found->gauge.value : -1;
  }
  static double counter(const Families& families, const char* name, const LabelMap& more = {}) {
    const auto* found = metrics::series(families, name, labels(more));
    EXPECT_NE(found, nullptr) << name;
    return found != nullptr ? found->counter.value : -1;
  }

  DeviceSampler sampler_;
  uint64_t now_ns_ = 1000 * kSecond;
  std::shared_ptr<const std::vector<metrics::ObservedProcess>> observed_ =
      std::make_shared<std::vector<metrics::ObservedProcess>>();
};

TEST_F(DeviceMetricsTest, HardwareNames) {
  const FakeDevice fake("h100");
  const Families families = page();
  EXPECT_DOUBLE_EQ(gauge(families, "hw_gpu_utilization_ratio", {{"hw_gpu_task", "general"}}), 0.87);
  EXPECT_DOUBLE_EQ(gauge(families, "hw_gpu_utilization_ratio", {{"hw_gpu_task", "decoder"}}), 0.03);
  EXPECT_DOUBLE_EQ(gauge(families, "hw_gpu_memory_usage_bytes"), 42949672960.0);
  EXPECT_DOUBLE_EQ(gauge(families, "hw_gpu_memory_limit_bytes"), 85520809984.0);
  EXPECT_DOUBLE_EQ(gauge(families, "hw_gpu_memory_utilization_ratio"),
                   42949672960.0 / 85520809984.0);
  EXPECT_DOUBLE_EQ(gauge(families, "hw_power_watts"), 512.5);
  EXPECT_DOUBLE_EQ(counter(families, "hw_energy_joules_total"), 123456.789);
  EXPECT_DOUBLE_EQ(gauge(families, "hw_temperature_celsius", {{"hw_sensor_location", "gpu"}}), 61);
  EXPECT_DOUBLE_EQ(gauge(families, "hw_temperature_celsius", {{"hw_sensor_location", "memory"}}),
                   74);
  EXPECT_DOUBLE_EQ(counter(families, "hw_errors_total", {{"error_type", "ecc_corrected"}}), 3);
  EXPECT_DOUBLE_EQ(counter(families, "hw_errors_total", {{"error_type", "nvlink_replay"}}), 2);
  EXPECT_DOUBLE_EQ(gauge(families, "hw_status", {{"hw_state", "ok"}}), 1);
  EXPECT_DOUBLE_EQ(gauge(families, "hw_status", {{"hw_state", "failed"}}), 0);
}

TEST_F(DeviceMetricsTest, OwnNames) {
  const FakeDevice fake("h100");
  const Families families = page();
  EXPECT_DOUBLE_EQ(gauge(families, "gpu_sm_active_ratio"), 0.75);
  EXPECT_DOUBLE_EQ(gauge(families, "gpu_sm_occupancy_ratio"), 0.5);
  EXPECT_DOUBLE_EQ(gauge(families, "gpu_tensor_active_ratio"), 0.625);
  EXPECT_DOUBLE_EQ(gauge(families, "gpu_dram_active_ratio"), 0.45);
  EXPECT_DOUBLE_EQ(gauge(families, "gpu_pipe_active_ratio", {{"pipe", "fp16"}}), 0.25);
  EXPECT_DOUBLE_EQ(gauge(families, "gpu_pcie_throughput_bytes_per_second",
                         {{"network_io_direction", "receive"}}),
                   200.0 * (1 << 20));
  EXPECT_DOUBLE_EQ(
      counter(families, "gpu_nvlink_bytes_total", {{"network_io_direction", "receive"}}),
      4096.0 * 1024);
  EXPECT_DOUBLE_EQ(gauge(families, "gpu_clock_hertz", {{"domain", "sm"}}), 1755e6);
  EXPECT_DOUBLE_EQ(gauge(families, "gpu_clock_reason", {{"reason", "sw_power_cap"}}), 1);
  EXPECT_DOUBLE_EQ(gauge(families, "gpu_clock_reason", {{"reason", "hw_slowdown"}}), 0);
  EXPECT_DOUBLE_EQ(counter(families, "gpu_throttle_seconds_total", {{"reason", "power"}}),
                   1.5);
  EXPECT_DOUBLE_EQ(
      counter(families, "gpu_lifetime_errors_total", {{"error_type", "ecc_corrected"}}), 17);
  EXPECT_DOUBLE_EQ(gauge(families, "gpu_power_limit_watts"), 700);
  EXPECT_DOUBLE_EQ(gauge(families, "gpu_info",
                         {{"pci_bus_id", "00000000:01:00.0"}, {"hw_driver_version", "550.54.15"}}),
                   1);
}

TEST_F(DeviceMetricsTest, WhatIsNotKnownHasNoSeries) {
  const FakeDevice fake("t4");
  const Families families = page();
  for (const char* name : {"gpu_sm_active_ratio", "gpu_nvlink_bytes_total",
                           "gpu_pcie_throughput_bytes_per_second"})
    EXPECT_EQ(metrics::family(families, name), nullptr) << name;
  EXPECT_EQ(metrics::series_count(families, "hw_temperature_celsius"), 1u);
  EXPECT_EQ(metrics::series_count(families, "gpu_throttle_seconds_total"), 2u);
}

TEST_F(DeviceMetricsTest, XidEventsByCode) {
  const FakeDevice fake("h100", "event 0 79\nevent 0 79\n");
  sampler_.round(now_ns_);
  sampler_.wait_events(0);
  sampler_.wait_events(0);
  const Families families = page();
  const LabelMap base = {{"job", "tacit"}, {"instance", "host"}, {"hw_id", kUuid}};
  LabelMap seen = base;
  seen["xid"] = "79";
  ASSERT_NE(metrics::series(families, "gpu_xid_events_total", seen), nullptr);
  EXPECT_EQ(metrics::series(families, "gpu_xid_events_total", seen)->counter.value, 2);
  seen["xid"] = "other";
  ASSERT_NE(metrics::series(families, "gpu_xid_events_total", seen), nullptr);
  EXPECT_EQ(metrics::series(families, "gpu_xid_events_total", seen)->counter.value, 0);
}

TEST_F(DeviceMetricsTest, MigInstancesAreDevicesWithAParent) {
  const FakeDevice fake("a100_mig");
  const Families families = page();
  const LabelMap instance = {{"job", "tacit"},
                             {"instance", "host"},
                             {"hw_id", "MIG-00000000-0000-4000-8000-000000000001"},
                             {"hw_type", "gpu"},
                             {"hw_parent", kUuid},
                             {"hw_model", "NVIDIA A100-SXM4-40GB"},
                             {"hw_vendor", "NVIDIA"},
                             {"gpu_instance_id", "1"},
                             {"gpu_instance_profile", "3g.20gb"}};
  const auto* used = metrics::series(families, "hw_gpu_memory_usage_bytes", instance);
  ASSERT_NE(used, nullptr);
  EXPECT_EQ(used->gauge.value, 1e9);
  EXPECT_EQ(metrics::series_count(families, "hw_gpu_memory_usage_bytes"), 3u);
}

TEST_F(DeviceMetricsTest, ALostDeviceHasOnlyItsState) {
  FakeDevice fake("h100");
  page();
  fake.add("0 state lost\n");
  const Families families = page();
  EXPECT_EQ(gauge(families, "hw_status", {{"hw_state", "failed"}}), 1);
  EXPECT_EQ(gauge(families, "hw_status", {{"hw_state", "ok"}}), 0);
  EXPECT_EQ(metrics::family(families, "hw_power_watts"), nullptr);
  EXPECT_EQ(metrics::family(families, "gpu_other_processes"), nullptr);
}

TEST_F(DeviceMetricsTest, OldFiguresAreLeftOut) {
  const FakeDevice fake("h100");
  page(true);
  now_ns_ += DeviceMetrics::kMostAgeNs + 1;
  const Families families = read(true);
  EXPECT_EQ(metrics::family(families, "hw_power_watts"), nullptr);
  EXPECT_EQ(metrics::family(families, "DCGM_FI_DEV_GPU_UTIL"), nullptr);
  const auto* age = metrics::series(families, "tacit_gpu_sample_age_seconds",
                                    {{"job", "tacit"}, {"instance", "host"}});
  ASSERT_NE(age, nullptr);
  EXPECT_GT(age->gauge.value, 10.0);
}

TEST_F(DeviceMetricsTest, NothingWithoutALibrary) { EXPECT_TRUE(read(true).empty()); }

TEST_F(DeviceMetricsTest, CallsAndTheirTime) {
  const FakeDevice fake("h100");
  const Families families = page();
  const LabelMap call = {
      {"job", "tacit"}, {"instance", "host"}, {"call", "nvmlDeviceGetPowerUsage"}};
  ASSERT_NE(metrics::series(families, "tacit_nvml_calls_total", call), nullptr);
  EXPECT_EQ(metrics::series(families, "tacit_nvml_calls_total", call)->counter.value, 2);
  EXPECT_EQ(metrics::series(families, "tacit_nvml_call_errors_total", call)->counter.value, 0);
  EXPECT_GT(metrics::series(families, "tacit_nvml_call_seconds_total", call)->counter.value, 0);
  EXPECT_EQ(metrics::series(
                families, "tacit_nvml_calls_total",
                {{"job", "tacit"}, {"instance", "host"}, {"call", "nvmlDeviceGetPcieThroughput"}}),
            nullptr);
}

TEST_F(DeviceMetricsTest, PromtoolFindsNothingToSay) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "promtool is not installed (Debian package prometheus)";
  const FakeDevice fake("h100", "0 process 1 5\n0 sample 1 5 5 5 5 5\nevent 0 79\n");
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, page());
  FILE* promtool = ::popen("promtool check metrics 2>&1", "w");
  ASSERT_NE(promtool, nullptr);
  ASSERT_EQ(std::fwrite(out.str().data(), 1, out.str().size(), promtool), out.str().size());
  EXPECT_EQ(::pclose(promtool), 0) << out.str();
}

}  // namespace
}  // namespace tacit::gpu
