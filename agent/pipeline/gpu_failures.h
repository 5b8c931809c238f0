// SPDX-License-Identifier: Apache-2.0
// Calls of CUDA and NCCL that failed, until the spans they belong to are made: the request that was
// served on that thread, the phase of the training run, the program. Bounded: the newest of each
// process. Loop thread.
#pragma once
#include <cstdint>
#include <deque>
#include <unordered_map>

#include "agent/gpu/calls.h"
#include "agent/telemetry/span.h"
#include "agent/trace/place.h"

namespace tacit::pipeline {

class GpuFailures {
 public:
  // `request`: what its thread served, or null. That there is no device or driver is no failure:
  // programs ask, and go on without.
  void add(const gpu::CudaFailure& failure, const trace::PlacePtr& request);
  // As events of a span of this process that ran from begin to end (CLOCK_MONOTONIC). `failed`: it
  // ended in failure, and what failed in its last seconds is told as the reason.
  void describe(telemetry::Span& span, uint32_t pid, uint64_t begin_ns, uint64_t end_ns, bool failed,
                int64_t wall_offset_ns) const;
  // Those of a request that is over.
  void describe_request(telemetry::Span& span, const trace::Place& request,
                        int64_t wall_offset_ns) const;
  void forget(uint32_t pid) { by_process_.erase(pid); }

  static constexpr size_t kMaxProcesses = 1024;
  static constexpr size_t kMaxFailures = 32;  // of one process

 private:
  struct Failure {
    gpu::CudaFailure call;
    std::weak_ptr<trace::Place> request;
  };
  std::unordered_map<uint32_t, std::deque<Failure>> by_process_;
};

}  // namespace tacit::pipeline
