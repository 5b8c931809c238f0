// SPDX-License-Identifier: Apache-2.0
#include "agent/pipeline/gpu_failures.h"

#include <gtest/gtest.h>

namespace tacit::pipeline {
namespace {

constexpr uint32_t kPid = 7;
constexpr uint64_t kSecond = 1'000'000'000;
constexpr int32_t kOutOfMemory = 2, kNoDevice = 100;

gpu::CudaFailure failure(uint64_t second, int32_t code = kOutOfMemory) {
  return {.pid = kPid,
          .tid = kPid,
          .time_ns = second * kSecond,
          .begin_ns = second * kSecond,
          .call = CUDA_CALL_cudaMalloc,
          .code = code,
          .bytes = 4096};
}

telemetry::Span described(const GpuFailures& failures, bool failed, uint64_t from = 10,
                          uint64_t to = 20) {
  telemetry::Span span;
  failures.describe(span, kPid, from * kSecond, to * kSecond, failed, 5);
  return span;
}

TEST(GpuFailures, AreEventsOfASpanThatTheyFallInto) {
  GpuFailures failures;
  for (const uint64_t second : {9u, 10u, 15u, 21u}) failures.add(failure(second), nullptr);
  const auto span = described(failures, false);
  ASSERT_EQ(span.events.size(), 2u);
  EXPECT_EQ(span.events[0].name, "gpu.failure");
  EXPECT_EQ(span.events[0].time_unix_ns, 10 * kSecond + 5);
  EXPECT_EQ(std::get<std::string>(span.events[0].attributes[0].value), "cudaMalloc");
  EXPECT_EQ(std::get<std::string>(span.events[0].attributes[1].value), "cudaErrorMemoryAllocation");
  EXPECT_EQ(std::get<int64_t>(span.events[0].attributes[2].value), 4096);
  EXPECT_EQ(span.status, telemetry::StatusCode::kUnset);
}

TEST(GpuFailures, OfTheLastSecondsIsTheReason) {
  GpuFailures failures;
  failures.add(failure(16), nullptr);
  const auto span = described(failures, true);
  EXPECT_EQ(span.status, telemetry::StatusCode::kError);
  EXPECT_EQ(span.status_message, "cudaMalloc: cudaErrorMemoryAllocation (4096 bytes)");
}

TEST(GpuFailures, LongBeforeTheEndIsNot) {
  GpuFailures failures;
  failures.add(failure(14), nullptr);
  EXPECT_EQ(described(failures, true).status, telemetry::StatusCode::kUnset);
}

TEST(GpuFailures, ThatThereIsNoDeviceIsNot) {
  GpuFailures failures;
  failures.add(failure(19, kNoDevice), nullptr);
  const auto span = described(failures, true);
  EXPECT_TRUE(span.events.empty());
  EXPECT_EQ(span.status, telemetry::StatusCode::kUnset);
}

TEST(GpuFailures, AMissingFileThatIsToldAlreadyStays) {
  GpuFailures failures;
  failures.add(failure(19), nullptr);
  telemetry::Span span;
  span.status = telemetry::StatusCode::kError;
  span.status_message = "x: No such file or directory";
  span.attributes.push_back({"file.path", std::string("x")});
  failures.describe(span, kPid, 10 * kSecond, 20 * kSecond, true, 0);
  EXPECT_EQ(span.status_message, "x: No such file or directory");
}

TEST(GpuFailures, OfARequest) {
  GpuFailures failures;
  auto request = std::make_shared<trace::Place>();
  request->actor.pid = kPid;
  failures.add(failure(12), request);
  failures.add(failure(13), nullptr);
  telemetry::Span span, other;
  failures.describe_request(span, *request, 0);
  EXPECT_EQ(span.events.size(), 1u);
  trace::Place another;
  another.actor.pid = kPid;
  failures.describe_request(other, another, 0);
  EXPECT_TRUE(other.events.empty());
}

TEST(GpuFailures, TheNewestStay) {
  GpuFailures failures;
  for (uint64_t i = 0; i < GpuFailures::kMaxFailures + 8; ++i) failures.add(failure(10 + i), nullptr);
  EXPECT_EQ(described(failures, false, 0, 1000).events.size(), GpuFailures::kMaxFailures);
  failures.forget(kPid);
  EXPECT_TRUE(described(failures, false, 0, 1000).events.empty());
}

}  // namespace
}  // namespace tacit::pipeline
