// SPDX-License-Identifier: Apache-2.0
#include "agent/pipeline/request_kernels.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "agent/event/decode.h"
#include "tests/harness/gpu_blocks.h"

namespace tacit::pipeline {
namespace {

constexpr uint64_t kMs = 1'000'000, kSecond = 1'000'000'000, kNow = 1000 * kSecond;
constexpr uint32_t kPid = 4242, kWorker = 4243;

class RequestKernelsTest : public ::testing::Test {
 protected:
  RequestKernelsTest() { start_block(&block_, 0, kNow); }

  void hand_over(uint64_t time_ns) {
    std::vector<uint64_t> storage((sizeof(gpu_batch_event) + block_bytes(&block_)) / 8);
    auto* event = reinterpret_cast<gpu_batch_event*>(storage.data());
    *event = {.header = {.time_ns = time_ns, .pid = kPid, .tid = kPid, .type = EVENT_GPU_BATCH, .pad = {}},
              .bytes = static_cast<uint32_t>(block_bytes(&block_)),
              .lost_slots = 0};
    std::memcpy(event + 1, &block_, block_bytes(&block_));
    const auto decoded = event::decode(std::as_bytes(std::span(storage)));
    ASSERT_TRUE(decoded);
    tracer_.on_batch(std::get<event::GpuBatch>(*decoded), std::make_shared<telemetry::Resource>());
    start_block(&block_, block_.header.sequence + 1, time_ns);
  }

  static std::map<std::string, std::string> shown(const telemetry::Span& span) {
    std::map<std::string, std::string> out;
    for (const auto& [key, value] : span.attributes)
      out[key] = std::holds_alternative<int64_t>(value) ? std::to_string(std::get<int64_t>(value))
                                                        : std::get<std::string>(value);
    return out;
  }

  gpu::KernelTracer tracer_{{}, "/nonexistent"};
  RequestKernels requests_{&tracer_};
  gpu_block block_;
  int one_ = 0, two_ = 0;  // addresses of requests
  telemetry::Span span_;
};

TEST_F(RequestKernelsTest, SumsComeWithTheSpan) {
  hand_over(kNow);
  requests_.began(&one_, kPid, kWorker, kNow + 10 * kMs);
  const auto window = requests_.over(&one_, kNow + 20 * kMs);
  ASSERT_NE(window, gpu::kNoWindow);
  EXPECT_FALSE(requests_.complete(span_, window, kNow + 21 * kMs, false));
  add_record(&block_, GPU_RECORD_KERNEL, kNow + 12 * kMs, kNow + 13 * kMs, kNow + 16 * kMs);
  add_record(&block_, GPU_RECORD_KERNEL, kNow + 12 * kMs, kNow + 14 * kMs, kNow + 17 * kMs);
  add_record(&block_, GPU_RECORD_KERNEL, kNow + 21 * kMs, kNow + 22 * kMs, kNow + 23 * kMs);
  add_record(&block_, GPU_RECORD_COPY, kNow + 12 * kMs, kNow + 12 * kMs, kNow + 13 * kMs)->bytes = 99;
  hand_over(kNow + 2 * kSecond);
  EXPECT_TRUE(requests_.complete(span_, window, kNow + 2 * kSecond, false));
  EXPECT_EQ(shown(span_), (std::map<std::string, std::string>{
                              {"tacit.gpu.kernel.count", "2"},
                              {"tacit.gpu.kernel.duration_ns", "6000000"},
                              {"tacit.gpu.busy_ns", "4000000"},
                              {"tacit.gpu.link.rule", "process"},
                              {"tacit.gpu.copy.bytes", "99"}}));
  EXPECT_EQ(tracer_.windows().size(), 0u);
}

TEST_F(RequestKernelsTest, WhatCannotBeToldIsSaid) {
  hand_over(kNow);
  requests_.began(&one_, kPid, kWorker, kNow);
  requests_.began(&two_, kPid, kWorker + 1, kNow);
  const auto window = requests_.over(&one_, kNow + 20 * kMs);
  add_record(&block_, GPU_RECORD_KERNEL, kNow + 12 * kMs, kNow + 13 * kMs, kNow + 16 * kMs);
  hand_over(kNow + 100 * kMs);
  EXPECT_TRUE(requests_.complete(span_, window, kNow, true));  // the agent ends
  EXPECT_EQ(shown(span_),
            (std::map<std::string, std::string>{{"tacit.gpu.unlinked.duration_ns", "3000000"}}));
}

TEST_F(RequestKernelsTest, OnlyWhereKernelsAreTold) {
  requests_.began(&one_, kPid, kWorker, kNow);
  EXPECT_EQ(requests_.over(&one_, kNow), gpu::kNoWindow);
  RequestKernels nobody(nullptr);
  nobody.began(&one_, kPid, kWorker, kNow);
  EXPECT_EQ(nobody.over(&one_, kNow), gpu::kNoWindow);
  nobody.drop(gpu::kNoWindow);
  hand_over(kNow);
  requests_.began(&one_, kPid, kWorker, kNow);
  requests_.drop(requests_.over(&one_, kNow));
  EXPECT_EQ(tracer_.windows().size(), 0u);
}

}  // namespace
}  // namespace tacit::pipeline
