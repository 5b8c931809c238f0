// SPDX-License-Identifier: Apache-2.0
// The cuda_* and nccl_* metrics of what processes ask of CUDA and NCCL: the kernel side's counters,
// read as they are asked for. README.md has the table.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/clock.h"
#include "agent/event/cuda_counts.h"
#include "agent/metrics/family_set.h"
#include "agent/metrics/process_metrics.h"
#include "agent/telemetry/metric_source.h"

namespace tacit::gpu {

// A call of CUDA or NCCL that did not succeed, for whoever writes spans.
struct CudaFailure {
  uint32_t pid = 0;
  uint32_t tid = 0;
  uint64_t time_ns = 0;   // CLOCK_MONOTONIC
  uint64_t begin_ns = 0;  // the call was entered
  uint32_t call = 0;      // cuda_call; call_name(), error_name() of calls_names.h
  int32_t code = 0;
  uint64_t bytes = 0;  // asked for or to be copied; 0: the call has none
};

inline constexpr uint64_t kMaxCommunicators = 16;  // of a process, each with series of its own
// Label of the one with this number; all beyond are "other".
std::string communicator_name(uint64_t number);

// main.cpp owns it; collect() on any thread.
class CallMetrics final : public telemetry::MetricSource {
 public:
  using Read = std::function<std::vector<event::CudaCounts>()>;
  using Processes = std::function<std::shared_ptr<const std::vector<metrics::ObservedProcess>>()>;
  using Now = std::function<uint64_t()>;

  // All three on any thread. `processes`: those that are observed now; others have no series.
  CallMetrics(Read read, Processes processes, Now now_ns = monotonic_ns);

  std::vector<prometheus::MetricFamily> collect() const override;

 private:
  void add_process(metrics::FamilySet& families, const event::CudaCounts& counts,
                   const metrics::Labels& labels) const;

  const Read read_;
  const Processes processes_;
  const Now now_ns_;
};

}  // namespace tacit::gpu
