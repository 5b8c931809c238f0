// SPDX-License-Identifier: Apache-2.0
// Device memory of processes that run nothing: what each tier knows of a process, put together. Each
// tier alone is enough; where none can tell, there is no series. README.md lists the names.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "agent/base/clock.h"
#include "agent/event/cuda_counts.h"
#include "agent/gpu/device/device_sampler.h"
#include "agent/gpu/kernels/kernel_tracer.h"
#include "agent/metrics/process_metrics.h"
#include "agent/telemetry/metric_source.h"

namespace tacit::gpu {

// What one tier knows of when a process last ran something. CLOCK_MONOTONIC.
struct SeenActivity {
  uint64_t last_ns = 0;   // the newest that was seen; 0: none
  uint64_t since_ns = 0;  // from then until now nothing would have been missed; 0: something may be
};

// Since when a process has run nothing, for all that is known. nullopt: nobody can tell.
std::optional<uint64_t> idle_since_ns(std::span<const SeenActivity> tiers);

// main.cpp owns it; collect() on any thread.
class IdleAllocation final : public telemetry::MetricSource {
 public:
  // Longer than what lies between two steps, shorter than anybody waits for a device to be freed.
  static constexpr uint64_t kIdleAfterNs = 60'000'000'000;

  struct Tiers {  // all on any thread
    std::function<metrics::ProcessMetrics::Snapshot()> observed;
    std::function<SnapshotPtr()> devices;                 // may answer null: not read
    std::function<std::vector<event::CudaWatch>()> calls;
    std::function<std::optional<TracedWork>(uint32_t pid)> kernels;
    std::function<uint64_t()> now_ns = monotonic_ns;
  };
  explicit IdleAllocation(Tiers tiers, uint64_t idle_after_ns = kIdleAfterNs);

  std::vector<prometheus::MetricFamily> collect() const override;

 private:
  const Tiers tiers_;
  const uint64_t idle_after_ns_;
};

}  // namespace tacit::gpu
