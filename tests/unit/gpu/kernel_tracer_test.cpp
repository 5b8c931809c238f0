// SPDX-License-Identifier: Apache-2.0
// Blocks as the ring brings them → the page.
#include "agent/gpu/kernels/kernel_tracer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "agent/event/decode.h"
#include "tests/harness/gpu_blocks.h"

namespace tacit::gpu {
namespace {

constexpr uint64_t kMs = 1'000'000, kSecond = 1'000'000'000, kNow = 1000 * kSecond;
constexpr uint32_t kPid = 4242;

class KernelTracerTest : public ::testing::Test {
 protected:
  KernelTracerTest() : tracer_({{"job", "tacit"}}, "/nonexistent") {
    auto resource = std::make_shared<telemetry::Resource>();
    resource->service_name = "train";
    resource->instance = "host";
    resource_ = resource;
    start_block(&block_, 0, kNow);
  }

  std::vector<uint64_t> record(uint32_t pid, uint64_t time_ns, uint32_t lost_slots) const {
    std::vector<uint64_t> storage((sizeof(gpu_batch_event) + block_bytes(&block_)) / 8);
    auto* event = reinterpret_cast<gpu_batch_event*>(storage.data());
    *event = {.header = {.time_ns = time_ns, .pid = pid, .tid = pid, .type = EVENT_GPU_BATCH, .pad = {}},
              .bytes = static_cast<uint32_t>(block_bytes(&block_)),
              .lost_slots = lost_slots};
    std::memcpy(event + 1, &block_, block_bytes(&block_));
    return storage;
  }

  // The block under construction comes; the next one is begun.
  void hand_over(uint32_t pid = kPid, uint64_t time_ns = kNow, uint32_t lost_slots = 0) {
    const auto storage = record(pid, time_ns, lost_slots);
    const auto decoded = event::decode(std::as_bytes(std::span(storage)));
    ASSERT_TRUE(decoded);
    tracer_.on_batch(std::get<event::GpuBatch>(*decoded), resource_);
    start_block(&block_, block_.header.sequence + 1, time_ns);
  }

  gpu_record* kernel(uint64_t start_ns, uint64_t length_ns, uint32_t name = 0) {
    auto* made = add_record(&block_, GPU_RECORD_KERNEL, start_ns - 1000, start_ns, start_ns + length_ns);
    made->name = name;
    return made;
  }

  // The sum of the series that have these labels.
  double value(const std::string& name, std::map<std::string, std::string> labels = {}) const {
    double sum = 0;
    for (const auto& family : tracer_.collect())
      for (const auto& metric : family.metric) {
        if (family.name != name) continue;
        size_t matching = 0;
        for (const auto& label : metric.label)
          matching += labels.contains(label.name) && labels[label.name] == label.value;
        if (matching == labels.size()) sum += metric.counter.value + metric.gauge.value;
      }
    return sum;
  }

  size_t series(const std::string& name) const {
    for (const auto& family : tracer_.collect())
      if (family.name == name) return family.metric.size();
    return 0;
  }

  KernelTracer tracer_;
  telemetry::ResourcePtr resource_;
  gpu_block block_;
};

TEST_F(KernelTracerTest, TimeByClassDeviceAndKernel) {
  add_name(&block_, 1, "ampere_sgemm_128x64_nn");
  add_name(&block_, 2, "triton_poi_fused_add_0");
  kernel(kNow - 100 * kMs, 2 * kMs, 1);
  kernel(kNow - 99 * kMs, 2 * kMs, 2);  // half of it at the same time
  kernel(kNow - 90 * kMs, 1 * kMs, 1)->device = 3;
  kernel(kNow - 80 * kMs, 1 * kMs, 9);  // a name that never came
  hand_over();
  const auto time = [&](const char* kernel_class) {
    return value("gpu_kernel_time_seconds_total", {{"class", kernel_class}});
  };
  EXPECT_DOUBLE_EQ(time("gemm"), 0.003);
  EXPECT_DOUBLE_EQ(time("elementwise"), 0.002);
  EXPECT_DOUBLE_EQ(time("other"), 0.001);
  EXPECT_DOUBLE_EQ(value("gpu_kernels_total", {{"class", "gemm"}, {"device", "0"}}), 1);
  EXPECT_DOUBLE_EQ(value("gpu_busy_seconds_total", {{"device", "0"}}), 0.004);
  EXPECT_DOUBLE_EQ(value("gpu_busy_seconds_total", {{"device", "3"}}), 0.001);
  EXPECT_DOUBLE_EQ(
      value("gpu_top_kernel_time_seconds_total", {{"kernel", "ampere_sgemm_128x64_nn"}}), 0.003);
  EXPECT_DOUBLE_EQ(value("gpu_top_kernel_time_seconds_total", {{"kernel", "other"}}), 0.001);
  EXPECT_DOUBLE_EQ(value("gpu_top_kernel_time_seconds_total",
                         {{"job", "train"}, {"instance", "host"}, {"process_pid", "4242"}}),
                   0.006);
  EXPECT_DOUBLE_EQ(value("gpu_kernel_linked_time_seconds_total", {{"rule", "none"}}), 0.006);
  EXPECT_EQ(tracer_.work(kPid)->last_ns, kNow - 79 * kMs);
  EXPECT_FALSE(tracer_.work(kPid + 1));
}

TEST_F(KernelTracerTest, BusyIsRightAcrossBatchesStreamsAndDisorder) {
  kernel(kNow - 50 * kMs, 10 * kMs)->stream = 7;
  kernel(kNow - 20 * kMs, 5 * kMs)->stream = 7;
  hand_over();
  kernel(kNow - 45 * kMs, 10 * kMs)->stream = 13;  // overlaps the first, came later
  kernel(kNow - 70 * kMs, 2 * kMs)->stream = 13;   // before everything
  hand_over();
  EXPECT_DOUBLE_EQ(value("gpu_busy_seconds_total"), 0.022);
  EXPECT_DOUBLE_EQ(value("tacit_gpu_late_busy_seconds_total"), 0);
}

TEST_F(KernelTracerTest, BusyRatioOfTheLastSeconds) {
  hand_over();
  EXPECT_EQ(series("gpu_busy_ratio"), 0u);
  const uint64_t later = kNow + 10 * kSecond;
  kernel(later - 4 * kSecond, kSecond);
  hand_over(kPid, later);
  tracer_.tick(later);
  EXPECT_DOUBLE_EQ(value("gpu_busy_ratio", {{"device", "0"}}), 0.2);
  tracer_.tick(later + 10 * kSecond);
  EXPECT_EQ(series("gpu_busy_ratio"), 1u);
  EXPECT_DOUBLE_EQ(value("gpu_busy_ratio", {{"device", "0"}}), 0);
  // Not known while the tracer looks now and then, nor soon after.
  block_.header.state = GPU_TRACER_DUTY_CYCLE;
  hand_over(kPid, later + 11 * kSecond);
  EXPECT_EQ(series("gpu_busy_ratio"), 0u);
  hand_over(kPid, later + 12 * kSecond);
  tracer_.tick(later + 18 * kSecond);
  EXPECT_EQ(series("gpu_busy_ratio"), 0u);
  tracer_.tick(later + 19 * kSecond);
  EXPECT_EQ(series("gpu_busy_ratio"), 1u);
  tracer_.exited(kPid, later + 20 * kSecond);
  EXPECT_EQ(series("gpu_busy_ratio"), 0u);
}

TEST_F(KernelTracerTest, LossesAreCountedExactly) {
  kernel(kNow - kMs, 1);
  hand_over(kPid, kNow, 0);
  block_.header.sequence += 3;
  block_.header.dropped = 10;
  hand_over(kPid, kNow, 300);
  block_.header.dropped = 4;  // counters do not fall
  hand_over(kPid, kNow, 300);
  EXPECT_DOUBLE_EQ(value("tacit_gpu_records_lost_total"), 300);
  hand_over(kPid, kNow, 5);  // the kernel side began anew
  EXPECT_DOUBLE_EQ(value("tacit_gpu_records_lost_total"), 305);
  EXPECT_DOUBLE_EQ(value("tacit_gpu_records_dropped_total"), 10);
  EXPECT_DOUBLE_EQ(value("tacit_gpu_blocks_lost_total"), 0);  // they may still come
  tracer_.exited(kPid, kNow);
  EXPECT_DOUBLE_EQ(value("tacit_gpu_blocks_lost_total"), 3);
  EXPECT_FALSE(tracer_.traces(kPid));
  tracer_.tick(kNow + 89 * kSecond);
  EXPECT_EQ(series("tacit_gpu_blocks_lost_total"), 1u);
  tracer_.tick(kNow + 91 * kSecond);
  EXPECT_EQ(series("tacit_gpu_blocks_lost_total"), 0u);
}

TEST_F(KernelTracerTest, ImpossibleRecordsAreCountedAndChangeNothing) {
  kernel(kNow, 1)->kind = 0;
  kernel(kNow, 1)->kind = 255;
  add_record(&block_, GPU_RECORD_KERNEL, 0, 0, 0);
  add_record(&block_, GPU_RECORD_KERNEL, 0, kNow, kNow - 1);
  add_record(&block_, GPU_RECORD_KERNEL, 0, kNow, kNow + kSecond);
  add_record(&block_, GPU_RECORD_KERNEL, kNow, kNow - 1, kNow);
  add_record(&block_, GPU_RECORD_COPY, 0, UINT64_MAX - 1, UINT64_MAX);
  hand_over();
  const auto invalid = [&](const char* reason) {
    return value("tacit_gpu_records_invalid_total", {{"reason", reason}});
  };
  EXPECT_DOUBLE_EQ(invalid("kind"), 2);
  EXPECT_DOUBLE_EQ(invalid("time"), 5);
  EXPECT_DOUBLE_EQ(value("tacit_gpu_records_total"), 0);
  for (uint16_t device = 0; device < 100; ++device) kernel(kNow - kMs, 1000)->device = device * 600;
  hand_over();
  EXPECT_DOUBLE_EQ(value("tacit_gpu_records_total"), 16);
  EXPECT_DOUBLE_EQ(invalid("device"), 84);
  EXPECT_EQ(series("gpu_busy_seconds_total"), 16u);
}

TEST_F(KernelTracerTest, HostileNamesAndHeaders) {
  auto* name = add_record(&block_, GPU_RECORD_NAME, 0, 0, 0);
  name->name = 1;
  name->bytes = 1ull << 31;  // swallows the rest of the block
  kernel(kNow - kMs, 1000);
  block_.header.state = 77;
  block_.header.dropped = UINT64_MAX;
  block_.header.sequence = UINT64_MAX;
  hand_over();
  EXPECT_DOUBLE_EQ(value("tacit_gpu_records_invalid_total", {{"reason", "name"}}), 1);
  EXPECT_DOUBLE_EQ(value("tacit_gpu_records_total"), 0);
  EXPECT_EQ(series("tacit_gpu_tracer_state"), 0u);
  for (const uint32_t number : {0u, ProcessKernels::kMaxNames, UINT32_MAX})
    add_name(&block_, number, "x");
  name = add_record(&block_, GPU_RECORD_NAME, 0, 0, 0);
  name->name = 2;
  name->bytes = 65;  // two slots, where one is left
  kernel(kNow - kMs, 1000, 2);
  hand_over();
  EXPECT_DOUBLE_EQ(value("tacit_gpu_records_invalid_total", {{"reason", "name"}}), 5);
  EXPECT_DOUBLE_EQ(value("tacit_gpu_records_total"), 0);
}

TEST_F(KernelTracerTest, NamesMayBeRepeatedAndChanged) {
  for (int i = 0; i < 3; ++i) {
    add_name(&block_, 1, "ampere_sgemm_a");
    kernel(kNow - kMs, 1000, 1);
    hand_over();
  }
  add_name(&block_, 1, "softmax_b");
  kernel(kNow - kMs, 1000, 1);
  hand_over();
  EXPECT_DOUBLE_EQ(value("gpu_kernels_total", {{"class", "gemm"}}), 3);
  EXPECT_DOUBLE_EQ(value("gpu_kernels_total", {{"class", "normalization"}}), 1);
}

TEST_F(KernelTracerTest, ProcessesAreBoundedAndReplaced) {
  for (uint32_t pid = 1; pid <= KernelTracer::kMaxProcesses + 1; ++pid) hand_over(pid);
  EXPECT_DOUBLE_EQ(value("tacit_gpu_refused_blocks_total"), 1);
  EXPECT_EQ(series("tacit_gpu_records_total"), KernelTracer::kMaxProcesses);
  kernel(kNow - kMs, 1000);
  hand_over(7);
  EXPECT_DOUBLE_EQ(value("tacit_gpu_records_total", {{"process_pid", "7"}}), 1);
  tracer_.exited(7, kNow);
  hand_over(7);  // another process of that number
  EXPECT_DOUBLE_EQ(value("tacit_gpu_records_total", {{"process_pid", "7"}}), 0);
  tracer_.exited(9, kNow + 2);
  tracer_.exited(8, kNow + 1);
  hand_over(5000);  // takes the place of the one that ended first
  EXPECT_TRUE(tracer_.traces(5000));
  EXPECT_EQ(series("tacit_gpu_records_total"), KernelTracer::kMaxProcesses);
  hand_over(8);  // which is gone, so this is a new one: in the place of 9
  EXPECT_TRUE(tracer_.traces(8));
  EXPECT_DOUBLE_EQ(value("tacit_gpu_refused_blocks_total"), 1);
  hand_over(9);
  EXPECT_DOUBLE_EQ(value("tacit_gpu_refused_blocks_total"), 2);
}

TEST_F(KernelTracerTest, StateIsAWord) {
  block_.header.state = GPU_TRACER_YIELDED;
  hand_over();
  EXPECT_DOUBLE_EQ(value("tacit_gpu_tracer_state", {{"state", "yielded"}}), 1);
  EXPECT_EQ(series("tacit_gpu_tracer_state"), 1u);
}

TEST_F(KernelTracerTest, WindowsGatherWhatTheyLaunched) {
  const auto step =
      tracer_.windows().open({kPid, kPid, kNow - 50 * kMs, WindowKind::kStep});
  tracer_.windows().close(step, kNow - 40 * kMs);
  kernel(kNow - 45 * kMs, 3 * kMs);
  kernel(kNow - 30 * kMs, 3 * kMs);  // launched after it
  hand_over();
  EXPECT_EQ(tracer_.windows().look(step)->kernel_ns(), 3 * kMs);
  EXPECT_DOUBLE_EQ(value("gpu_kernel_linked_time_seconds_total", {{"rule", "process"}}), 0.003);
  EXPECT_DOUBLE_EQ(value("gpu_kernel_linked_time_seconds_total", {{"rule", "none"}}), 0.003);
}

TEST_F(KernelTracerTest, DecodingChecksEveryLength) {
  kernel(kNow - kMs, 1000);
  auto storage = record(kPid, kNow, 0);
  auto* event = reinterpret_cast<gpu_batch_event*>(storage.data());
  auto* header = reinterpret_cast<gpu_batch_header*>(event + 1);
  const auto bytes = std::as_bytes(std::span(storage));
  const auto error = [&](std::span<const std::byte> from) { return event::decode(from).error(); };
  ASSERT_TRUE(event::decode(bytes));
  EXPECT_EQ(error(bytes.first(31)), event::DecodeError::kTooShort);
  EXPECT_EQ(error(bytes.first(bytes.size() - 8)), event::DecodeError::kBadLength);
  event->bytes = 0;
  EXPECT_EQ(error(bytes), event::DecodeError::kTooShort);
  event->bytes = 64;
  EXPECT_EQ(error(bytes), event::DecodeError::kBadLength);  // it says 1 slot
  event->bytes = 1u << 31;
  EXPECT_EQ(error(bytes), event::DecodeError::kBadLength);
  event->bytes = 128;
  header->slots = (1u << 26) + 1;  // 64 times that is 64 again, in 32 bits
  EXPECT_EQ(error(bytes), event::DecodeError::kBadLength);
  header->slots = 1;
  header->magic = 0;
  EXPECT_EQ(error(bytes), event::DecodeError::kUnknownType);
}

}  // namespace
}  // namespace tacit::gpu
