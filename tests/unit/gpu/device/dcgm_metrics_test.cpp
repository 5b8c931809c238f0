// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/device/dcgm_metrics.h"

#include <gtest/gtest.h>

#include "agent/gpu/device/device_sampler.h"
#include "tests/unit/gpu/device/fake_device.h"
#include "tests/unit/metrics/metric_reading.h"

namespace tacit::gpu {
namespace {

using metrics::Families;
using metrics::LabelMap;

Families page() {
  DeviceSampler sampler;
  sampler.round(1000 * kSecond);
  sampler.wait_events(0);
  sampler.round(1001 * kSecond);
  metrics::FamilySet families;
  add_dcgm_metrics(families, {{"job", "tacit"}, {"instance", "host"}}, *sampler.snapshot(),
                   "node1");
  return families.take();
}

LabelMap device(const LabelMap& more = {}) {
  LabelMap all = {{"job", "tacit"},
                  {"instance", "host"},
                  {"gpu", "0"},
                  {"UUID", "GPU-00000000-0000-4000-8000-000000000000"},
                  {"pci_bus_id", "00000000:01:00.0"},
                  {"device", "nvidia0"},
                  {"modelName", "NVIDIA H100 80GB HBM3"},
                  {"DCGM_FI_DRIVER_VERSION", "550.54.15"},
                  {"Hostname", "node1"},
                  {"hostname", "node1"}};
  for (const auto& [name, value] : more) all[name] = value;
  return all;
}

TEST(DcgmMetrics, TheDefaultCountersOfDcgmExporterInItsUnits) {
  const FakeDevice fake("h100", "event 0 31\n");
  const Families families = page();
  const std::pair<const char*, double> gauges[] = {
      {"DCGM_FI_DEV_SM_CLOCK", 1755},
      {"DCGM_FI_DEV_MEM_CLOCK", 2619},
      {"DCGM_FI_DEV_GPU_TEMP", 61},
      {"DCGM_FI_DEV_MEMORY_TEMP", 74},
      {"DCGM_FI_DEV_POWER_USAGE", 512.5},
      {"DCGM_FI_DEV_GPU_UTIL", 87},
      {"DCGM_FI_DEV_MEM_COPY_UTIL", 41},
      {"DCGM_FI_DEV_ENC_UTIL", 0},
      {"DCGM_FI_DEV_DEC_UTIL", 3},
      {"DCGM_FI_DEV_XID_ERRORS", 31},
      {"DCGM_FI_DEV_FB_USED", 40960},
      {"DCGM_FI_DEV_FB_RESERVED", 592},
      {"DCGM_FI_DEV_FB_FREE", 81559 - 592 - 40960},
      {"DCGM_FI_PROF_GR_ENGINE_ACTIVE", 0.885},
      {"DCGM_FI_PROF_SM_ACTIVE", 0.75},
      {"DCGM_FI_PROF_SM_OCCUPANCY", 0.5},
      {"DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", 0.625},
      {"DCGM_FI_PROF_DRAM_ACTIVE", 0.45},
      {"DCGM_FI_PROF_PCIE_TX_BYTES", 100.0 * (1 << 20)},
      {"DCGM_FI_PROF_PCIE_RX_BYTES", 200.0 * (1 << 20)}};
  for (const auto& [name, value] : gauges) {
    const auto* found = metrics::series(families, name, device());
    ASSERT_NE(found, nullptr) << name;
    EXPECT_NEAR(found->gauge.value, value, 1e-6) << name;
    EXPECT_EQ(metrics::family(families, name)->type, prometheus::MetricType::Gauge) << name;
  }
  const std::pair<const char*, double> counters[] = {
      {"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", 123456789},
      {"DCGM_FI_DEV_PCIE_REPLAY_COUNTER", 5},
      {"DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", 3},
      {"DCGM_FI_DEV_ECC_DBE_AGG_TOTAL", 1}};
  for (const auto& [name, value] : counters) {
    const auto* found = metrics::series(families, name, device());
    ASSERT_NE(found, nullptr) << name;
    EXPECT_NEAR(found->counter.value, value, 1e-6) << name;
    EXPECT_EQ(metrics::family(families, name)->type, prometheus::MetricType::Counter) << name;
  }
}

// What the panels of Grafana's dashboard 12239 ask for: each metric, by `instance` (older
// revisions: `Hostname`) and `gpu`, where MIG instances are told apart by GPU_I_ID and
// GPU_I_PROFILE.
TEST(DcgmMetrics, Dashboard12239FindsItsSeries) {
  const FakeDevice fake("h100x8");
  const Families families = page();
  for (const char* name : {"DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_POWER_USAGE",
                           "DCGM_FI_DEV_SM_CLOCK", "DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED",
                           "DCGM_FI_PROF_GR_ENGINE_ACTIVE", "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"}) {
    const auto* family = metrics::family(families, name);
    ASSERT_NE(family, nullptr) << name;
    ASSERT_EQ(family->metric.size(), 8u) << name;
    for (size_t i = 0; i < 8; ++i) {
      const LabelMap labels = metrics::labels_of(family->metric[i]);
      EXPECT_EQ(labels.at("gpu"), std::to_string(i));
      EXPECT_EQ(labels.at("instance"), "host");
      EXPECT_EQ(labels.at("Hostname"), "node1");
      EXPECT_EQ(labels.count("GPU_I_ID"), 0u);
    }
  }
}

TEST(DcgmMetrics, MigInstancesCarryProfileAndNumber) {
  const FakeDevice fake("a100_mig", "* gpm 1\ngpm 5 40\n");
  const Families families = page();
  const LabelMap instance = device(
      {{"modelName", "NVIDIA A100-SXM4-40GB"}, {"GPU_I_PROFILE", "1g.5gb"}, {"GPU_I_ID", "9"}});
  const auto* used = metrics::series(families, "DCGM_FI_DEV_FB_USED", instance);
  ASSERT_NE(used, nullptr);
  EXPECT_NEAR(used->gauge.value, 2000000.0 / (1 << 20), 1e-9);
  const auto* tensor = metrics::series(families, "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", instance);
  ASSERT_NE(tensor, nullptr);
  EXPECT_NEAR(tensor->gauge.value, 0.4, 1e-9);
}

TEST(DcgmMetrics, NoXidIsZeroAsThere) {
  const FakeDevice fake("h100");
  const Families families = page();
  const auto* last = metrics::series(families, "DCGM_FI_DEV_XID_ERRORS", device());
  ASSERT_NE(last, nullptr);
  EXPECT_EQ(last->gauge.value, 0);
}

}  // namespace
}  // namespace tacit::gpu
