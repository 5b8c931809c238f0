// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/calls.h"

#include <gtest/gtest.h>

#include "agent/event/decode.h"
#include "agent/gpu/calls_names.h"
#include "tests/unit/metrics/metric_reading.h"

namespace tacit::gpu {
namespace {

using metrics::Families;
using metrics::LabelMap;

constexpr uint64_t kNow = 100'000'000'000;

// One process that is observed, 77, and one that is not, 78.
Families collect(std::vector<event::CudaCounts> counts) {
  auto resource = metrics::resource(1, "train", "host:1");
  const auto processes = std::make_shared<const std::vector<metrics::ObservedProcess>>(
      std::vector{metrics::ObservedProcess{
          77, 0, std::make_shared<const telemetry::Resource>(std::move(resource))}});
  return CallMetrics([=] { return counts; }, [=] { return processes; }, [] { return kNow; }).collect();
}

LabelMap labels(LabelMap more = {}) {
  more.insert({{"job", "train"}, {"instance", "host:1"}, {"process_pid", "77"}});
  return more;
}

double counter(const Families& families, const std::string& name, LabelMap more = {}) {
  const auto* found = metrics::series(families, name, labels(std::move(more)));
  return found == nullptr ? -1 : found->counter.value;
}

double gauge(const Families& families, const std::string& name, LabelMap more = {}) {
  const auto* found = metrics::series(families, name, labels(std::move(more)));
  return found == nullptr ? -1 : found->gauge.value;
}

event::CudaCounts counts_of(uint32_t pid) {
  event::CudaCounts counts;
  counts.pid = pid;
  return counts;
}

TEST(CallMetricsTest, WhatAProcessAskedFor) {
  auto counts = counts_of(77);
  auto& totals = counts.totals;
  totals.launches = 1000;
  totals.graph_launches = 3;
  totals.last_launch_ns = kNow - 1'500'000'000;
  totals.copies[CUDA_DEVICE_TO_HOST] = 2;
  totals.copied_bytes[CUDA_DEVICE_TO_HOST] = 4096;
  totals.waits = 4;
  totals.wait_ns = 2'000'000'000;
  totals.allocations[CUDA_MEMORY_DEVICE] = 5;
  totals.frees[CUDA_MEMORY_DEVICE] = 2;
  totals.held_bytes[CUDA_MEMORY_DEVICE] = 300;
  totals.peak_bytes[CUDA_MEMORY_DEVICE] = 700;
  const auto families = collect({counts_of(78), counts});
  EXPECT_EQ(counter(families, "cuda_launches_total", {{"api", "kernel"}}), 1000);
  EXPECT_EQ(counter(families, "cuda_launches_total", {{"api", "graph"}}), 3);
  EXPECT_EQ(metrics::series_count(families, "cuda_launches_total"), 2u);  // none of 78
  EXPECT_EQ(gauge(families, "cuda_seconds_since_launch"), 1.5);
  EXPECT_EQ(counter(families, "cuda_copies_total", {{"direction", "device_to_host"}}), 2);
  EXPECT_EQ(counter(families, "cuda_copy_bytes_total", {{"direction", "device_to_host"}}), 4096);
  EXPECT_EQ(metrics::series_count(families, "cuda_copies_total"), 1u);
  EXPECT_EQ(counter(families, "cuda_sync_waits_total"), 4);
  EXPECT_EQ(counter(families, "cuda_sync_wait_seconds_total"), 2);
  EXPECT_EQ(counter(families, "cuda_allocations_total", {{"memory", "device"}}), 5);
  EXPECT_EQ(counter(families, "cuda_frees_total", {{"memory", "device"}}), 2);
  EXPECT_EQ(gauge(families, "cuda_allocated_bytes", {{"memory", "device"}}), 300);
  EXPECT_EQ(gauge(families, "cuda_allocated_peak_bytes", {{"memory", "device"}}), 700);
}

TEST(CallMetricsTest, WhatIsNotKnownIsLeftOut) {
  const auto families = collect({counts_of(77)});
  for (const char* name :
       {"cuda_copies_total", "cuda_memsets_total", "cuda_allocated_bytes", "cuda_unknown_frees_total",
        "cuda_untimed_sync_waits_total", "cuda_seconds_since_launch", "nccl_seconds_since_operation",
        "nccl_communicators", "cuda_call_errors_total"})
    EXPECT_EQ(metrics::series_count(families, name), 0u) << name;
  EXPECT_TRUE(collect({counts_of(78)}).empty());
}

TEST(CallMetricsTest, FailuresByCallAndName) {
  auto counts = counts_of(77);
  counts.totals.out_of_memory = 3;
  counts.failures = {{CUDA_CALL_cudaMalloc, 2, 3}, {CUDA_CALL_ncclAllReduce, 2, 1}, {CUDA_CALL_cuInit, 100, 2}, {CUDA_CALL_cudaFree, 12345, 1}};
  const auto families = collect({counts});
  const auto errors = [&](const char* call, const char* type) {
    return counter(families, "cuda_call_errors_total", {{"call", call}, {"error_type", type}});
  };
  EXPECT_EQ(errors("cudaMalloc", "cudaErrorMemoryAllocation"), 3);
  EXPECT_EQ(errors("ncclAllReduce", "ncclSystemError"), 1);
  EXPECT_EQ(errors("cuInit", "CUDA_ERROR_NO_DEVICE"), 2);
  EXPECT_EQ(errors("cudaFree", "12345"), 1);
  EXPECT_EQ(counter(families, "cuda_out_of_memory_total"), 3);
}

TEST(CallMetricsTest, OperationsByCommunicator) {
  auto counts = counts_of(77);
  counts.collectives = {{CUDA_CALL_ncclAllReduce, 1, {5, 50, kNow - 4'000'000'000}},
                        {CUDA_CALL_ncclAllReduce, 0, {7, 70, 500}},
                        {CUDA_CALL_ncclSend, 0, {1, 10, 250}}};
  const auto families = collect({counts});
  const auto collectives = [&](const char* operation, const char* communicator) {
    return counter(families, "nccl_operations_total",
                   {{"operation", operation}, {"communicator", communicator}});
  };
  EXPECT_EQ(collectives("ncclAllReduce", "1"), 5);
  EXPECT_EQ(collectives("ncclAllReduce", "0"), 7);
  EXPECT_EQ(collectives("ncclSend", "0"), 1);
  EXPECT_EQ(gauge(families, "nccl_communicators"), 2);
  EXPECT_EQ(gauge(families, "nccl_seconds_since_operation"), 4);
}

TEST(CallMetricsTest, ManyCommunicatorsShareOneSeries) {
  auto counts = counts_of(77);
  for (uint64_t i = 0; i < 39; ++i)
    counts.collectives.push_back({CUDA_CALL_ncclSend, i, {1, 8, i}});
  counts.collectives.push_back({CUDA_CALL_ncclSend, CUDA_COMMUNICATOR_UNKNOWN, {1, 8, 5}});
  const auto families = collect({counts});
  EXPECT_EQ(metrics::series_count(families, "nccl_operations_total"), 17u);
  EXPECT_EQ(counter(families, "nccl_operations_total",
                    {{"operation", "ncclSend"}, {"communicator", "other"}}),
            24);
}

TEST(CallNamesTest, OutOfMemoryIsCudasAlone) {
  EXPECT_TRUE(is_out_of_memory(CUDA_CALL_cudaMalloc, 2));
  EXPECT_TRUE(is_out_of_memory(CUDA_CALL_cuMemCreate, 2));
  EXPECT_FALSE(is_out_of_memory(CUDA_CALL_ncclAllReduce, 2));
  EXPECT_FALSE(is_out_of_memory(CUDA_CALL_cudaMalloc, 1));
  EXPECT_EQ(call_name(100'000), "unknown");
  EXPECT_EQ(error_name(CUDA_CALL_ncclSend, -1), "-1");
  EXPECT_EQ(error_name(CUDA_CALL_cuLaunchKernel, 35), "35");  // the runtime's alone
}

TEST(CudaFailureEventTest, IsCheckedBeforeItIsBelieved) {
  alignas(8) cuda_failure_event raw{};
  raw.header.type = EVENT_CUDA_FAILURE;
  raw.call = CUDA_CALL_cudaMalloc;
  const auto bytes = std::as_bytes(std::span(&raw, 1));
  const auto decoded = event::decode(bytes);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(std::get<event::CudaFailure>(*decoded).raw, &raw);
  EXPECT_EQ(event::decode(bytes.first(bytes.size() - 1)).error(), event::DecodeError::kTooShort);
  for (const uint32_t call : {uint32_t{CUDA_CALL_NONE}, uint32_t{CUDA_CALL_COUNT}}) {
    raw.call = call;
    EXPECT_EQ(event::decode(bytes).error(), event::DecodeError::kUnknownType);
  }
}

}  // namespace
}  // namespace tacit::gpu
