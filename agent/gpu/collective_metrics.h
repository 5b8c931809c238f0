// SPDX-License-Identifier: Apache-2.0
// Which rank of a communicator is late, and who waits for it, as metrics. README.md lists the names.
#pragma once
#include <functional>
#include <mutex>
#include <vector>

#include "agent/base/clock.h"
#include "agent/gpu/collective_groups.h"
#include "agent/metrics/process_metrics.h"
#include "agent/telemetry/metric_source.h"

namespace tacit::gpu {

// main.cpp owns it. Any thread.
class CollectiveMetrics final : public telemetry::MetricSource {
 public:
  // kPeriodMs keeps up with some 2,000 operations a second of a communicator (CUDA_OPERATION_TIMES).
  static constexpr unsigned kPeriodMs = 250, kIdlePeriodMs = 1000;

  using Read = std::function<std::vector<event::CudaCommunicator>()>;
  using Processes = std::function<metrics::ProcessMetrics::Snapshot()>;
  using Now = std::function<uint64_t()>;
  CollectiveMetrics(Read read, Processes processes, Now now_ns = monotonic_ns);

  // Reads what the communicators enqueued since; answers after how many milliseconds to come again.
  unsigned tick();

  std::vector<prometheus::MetricFamily> collect() const override;

 private:
  void update() const;

  const Read read_;
  const Processes processes_;
  const Now now_ns_;
  mutable std::mutex mutex_;  // groups_
  mutable CollectiveGroups groups_;  // reading them is what brings them up to date
};

}  // namespace tacit::gpu
