// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/device/process_share_metrics.h"

#include <gtest/gtest.h>

#include "tests/unit/metrics/metric_reading.h"

namespace tacit::gpu {
namespace {

using metrics::Families;
using metrics::LabelMap;

DeviceSnapshot two_devices() {
  DeviceSnapshot snapshot;
  for (const char* uuid : {"GPU-a", "GPU-b"}) {
    DeviceFigures device;
    device.identity.uuid = uuid;
    device.identity.device = "nvidia0";
    device.processes_known = true;
    snapshot.devices.push_back(device);
  }
  return snapshot;
}

ProcessFigures process(uint32_t pid, uint64_t bytes, double sm) {
  return {pid, bytes, sm, 0.0, 0.0, 0.0};
}

Families shares(const DeviceSnapshot& snapshot, size_t limit = 100) {
  const auto resource = std::make_shared<telemetry::Resource>(metrics::resource(2, "train", "h:1"));
  const std::vector<metrics::ObservedProcess> observed = {{10, 0, resource}, {11, 0, resource}};
  metrics::FamilySet families;
  add_process_shares(families, {{"job", "tacit"}, {"instance", "host"}}, snapshot, observed, limit);
  return families.take();
}

LabelMap labels(LabelMap of, const char* uuid, const LabelMap& more = {}) {
  of.insert({{"hw_id", uuid}, {"hw_type", "gpu"}, {"hw_name", "nvidia0"}, {"hw_vendor", "NVIDIA"}});
  of.insert(more.begin(), more.end());
  return of;
}
const LabelMap kTrain = {{"job", "train"}, {"instance", "h:1"}};
const LabelMap kSelf = {{"job", "tacit"}, {"instance", "host"}};

double value(const Families& families, const char* name, const LabelMap& of) {
  const auto* found = metrics::series(families, name, of);
  EXPECT_NE(found, nullptr) << name;
  return found != nullptr ? found->gauge.value : -1;
}

TEST(ProcessShares, OnlyObservedProcessesHaveNames) {
  DeviceSnapshot snapshot = two_devices();
  snapshot.devices[0].processes = {process(10, 1000, 0.5), process(77, 300, 0.25),
                                   process(78, 30, 0.125)};
  snapshot.devices[1].processes = {process(10, 2000, 0.1)};
  const Families families = shares(snapshot);
  EXPECT_EQ(metrics::series_count(families, "gpu_process_memory_bytes"), 2u);
  EXPECT_EQ(value(families, "gpu_process_memory_bytes",
                  labels(kTrain, "GPU-a", {{"process_pid", "10"}})),
            1000);
  EXPECT_EQ(value(families, "gpu_process_memory_bytes",
                  labels(kTrain, "GPU-b", {{"process_pid", "10"}})),
            2000);
  EXPECT_EQ(value(families, "gpu_process_utilization_ratio",
                  labels(kTrain, "GPU-a", {{"process_pid", "10"}, {"hw_gpu_task", "general"}})),
            0.5);
  EXPECT_EQ(value(families, "gpu_other_processes", labels(kSelf, "GPU-a")), 2);
  EXPECT_EQ(value(families, "gpu_other_process_memory_bytes", labels(kSelf, "GPU-a")), 330);
  EXPECT_EQ(value(families, "gpu_other_process_utilization_ratio", labels(kSelf, "GPU-a")),
            0.375);
  EXPECT_EQ(value(families, "gpu_other_processes", labels(kSelf, "GPU-b")), 0);
  EXPECT_EQ(value(families, "gpu_other_process_memory_bytes", labels(kSelf, "GPU-b")), 0);
}

TEST(ProcessShares, BeyondTheLimitAllAreOthers) {
  DeviceSnapshot snapshot = two_devices();
  snapshot.devices[0].processes = {process(10, 1000, 0.5), process(11, 300, 0.25)};
  const Families families = shares(snapshot, 1);
  EXPECT_EQ(metrics::series_count(families, "gpu_process_memory_bytes"), 1u);
  EXPECT_EQ(value(families, "gpu_other_processes", labels(kSelf, "GPU-a")), 1);
  EXPECT_EQ(value(families, "gpu_other_process_memory_bytes", labels(kSelf, "GPU-a")), 300);
}

TEST(ProcessShares, ASumWithAnUnknownPartIsUnknown) {
  DeviceSnapshot snapshot = two_devices();
  snapshot.devices[0].processes = {process(77, 300, 0.25),
                                   {78, std::nullopt, std::nullopt, {}, {}, {}}};
  const Families families = shares(snapshot);
  EXPECT_EQ(value(families, "gpu_other_processes", labels(kSelf, "GPU-a")), 2);
  EXPECT_EQ(
      metrics::series(families, "gpu_other_process_memory_bytes", labels(kSelf, "GPU-a")),
      nullptr);
  EXPECT_EQ(metrics::series(families, "gpu_other_process_utilization_ratio",
                            labels(kSelf, "GPU-a")),
            nullptr);
}

TEST(ProcessShares, ADeviceThatCannotTellSaysNothing) {
  DeviceSnapshot snapshot = two_devices();
  for (auto& device : snapshot.devices) device.processes_known = false;
  EXPECT_TRUE(shares(snapshot).empty());
}

}  // namespace
}  // namespace tacit::gpu
