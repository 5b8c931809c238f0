// SPDX-License-Identifier: Apache-2.0
// What the injected library wrote in programs with a fake CUDA (tests/unit/cupti makes the recordings):
// both sides mean the same by a block.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "agent/event/decode.h"
#include "agent/gpu/kernels/kernel_tracer.h"

namespace tacit::gpu {
namespace {

constexpr uint32_t kPid = 7;

class KernelRecordingsTest : public ::testing::Test {
 protected:
  void play(const std::string& name) {
    std::ifstream file(std::string(TACIT_RECORDINGS) + "/" + name + ".bin", std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    const std::string bytes = text.str();
    ASSERT_FALSE(bytes.empty());
    for (size_t at = 0; at < bytes.size();) at += hand_over(bytes, at);
  }

  // The block at `at`, as the ring brings it; its length.
  size_t hand_over(const std::string& bytes, size_t at) {
    gpu_batch_header header;
    std::memcpy(&header, bytes.data() + at, sizeof(header));
    const size_t length = (size_t{header.slots} + 1) * GPU_SLOT_BYTES;
    std::vector<uint64_t> storage((sizeof(gpu_batch_event) + length) / 8);
    auto* event = reinterpret_cast<gpu_batch_event*>(storage.data());
    event->header = {.time_ns = header.time_ns, .pid = kPid, .tid = kPid, .type = EVENT_GPU_BATCH, .pad = {}};
    event->bytes = static_cast<uint32_t>(length);
    std::memcpy(event + 1, bytes.data() + at, length);
    const auto decoded = event::decode(std::as_bytes(std::span(storage)));
    EXPECT_TRUE(decoded);
    if (decoded)
      tracer_.on_batch(std::get<event::GpuBatch>(*decoded), std::make_shared<telemetry::Resource>());
    return length;
  }

  double value(const std::string& name, std::map<std::string, std::string> labels = {}) const {
    double sum = 0;
    for (const auto& family : tracer_.collect())
      for (const auto& metric : family.metric) {
        size_t matching = 0;
        for (const auto& label : metric.label)
          matching += labels.contains(label.name) && labels[label.name] == label.value;
        if (family.name == name && matching == labels.size())
          sum += metric.counter.value + metric.gauge.value +
                 static_cast<double>(metric.histogram.sample_count);
      }
    return sum;
  }

  KernelTracer tracer_{{}, "/nonexistent"};
};

TEST_F(KernelRecordingsTest, Training) {
  const auto run = tracer_.windows().open({kPid, kPid, 1, WindowKind::kPhase});
  play("training");
  EXPECT_DOUBLE_EQ(value("tacit_gpu_records_total"), 690);
  EXPECT_DOUBLE_EQ(value("gpu_kernels_total", {{"class", "other"}}), 600);
  EXPECT_DOUBLE_EQ(value("gpu_kernels_total", {{"class", "copy"}}), 60);
  EXPECT_DOUBLE_EQ(value("gpu_kernel_time_seconds_total", {{"class", "other"}}), 600'000e-9);
  EXPECT_DOUBLE_EQ(value("gpu_busy_seconds_total"), 600'000e-9);
  EXPECT_DOUBLE_EQ(value("gpu_copy_bytes_total", {{"direction", "host_to_device"}}), 20860);
  EXPECT_DOUBLE_EQ(value("gpu_copy_bytes_total", {{"direction", "device_to_host"}}), 20880);
  EXPECT_DOUBLE_EQ(value("gpu_memset_bytes_total"), 1470);
  EXPECT_DOUBLE_EQ(value("gpu_sync_wait_seconds_total"), 15'000e-9);
  EXPECT_DOUBLE_EQ(value("gpu_launch_latency_seconds"), 600);
  EXPECT_DOUBLE_EQ(value("tacit_gpu_records_invalid_total"), 0);
  EXPECT_DOUBLE_EQ(value("tacit_gpu_tracer_state", {{"state", "active"}}), 1);
  tracer_.exited(kPid, 1);
  EXPECT_DOUBLE_EQ(value("tacit_gpu_blocks_lost_total"), 0);
  const auto sums = tracer_.windows().take(run);
  ASSERT_TRUE(sums);
  EXPECT_EQ(sums->kernels, 600u);
  EXPECT_EQ(sums->launches, 600u);
  EXPECT_EQ(sums->busy_ns, 600'000u);
  EXPECT_EQ(sums->copied_bytes(), 41'740u);
  EXPECT_EQ(sums->sync_wait_ns, 15'000u);
  EXPECT_EQ(sums->linked_ns[static_cast<size_t>(LinkRule::kProcess)], 600'000u);
}

TEST_F(KernelRecordingsTest, NodesOfGraphsAreKernelsWithoutALaunchEach) {
  play("graphs");
  EXPECT_DOUBLE_EQ(value("gpu_kernels_total"), 320);
  EXPECT_DOUBLE_EQ(value("gpu_busy_seconds_total"), 320'000e-9);
  EXPECT_DOUBLE_EQ(value("gpu_launch_latency_seconds"), 20);
}

TEST_F(KernelRecordingsTest, LossesAsTheLibraryCountsThem) {
  play("losses");
  EXPECT_DOUBLE_EQ(value("tacit_gpu_records_total"), 320);
  EXPECT_DOUBLE_EQ(value("tacit_gpu_records_dropped_total"), 50);
  EXPECT_DOUBLE_EQ(value("tacit_gpu_records_invalid_total", {{"reason", "tracer"}}), 30);
  EXPECT_DOUBLE_EQ(value("tacit_gpu_records_invalid_total"), 30);
}

TEST_F(KernelRecordingsTest, SomebodyElseSubscribed) {
  play("yielded");
  EXPECT_DOUBLE_EQ(value("tacit_gpu_tracer_state", {{"state", "yielded"}}), 1);
  EXPECT_DOUBLE_EQ(value("tacit_gpu_records_total"), 0);
}

}  // namespace
}  // namespace tacit::gpu
