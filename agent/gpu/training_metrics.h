// SPDX-License-Identifier: Apache-2.0
// Training runs as metrics, by process. README.md lists the names. Writers on the loop thread, collect()
// on any.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>

#include "agent/gpu/training_loop.h"
#include "agent/telemetry/metric_source.h"
#include "agent/telemetry/resource.h"

namespace tacit::gpu {

class TrainingMetrics final : public telemetry::MetricSource {
 public:
  // A step of run `id` is over.
  void step(uint64_t id, uint32_t pid, const telemetry::Resource& resource,
            const FinishedStep& step, const TrainingLoop& loop, int64_t wall_offset_ns);
  // What else the loop did since; also at its end.
  void progress(uint64_t id, uint32_t pid, const telemetry::Resource& resource,
                const TrainingLoop& loop);
  void checkpoint(uint32_t pid, const telemetry::Resource& resource, bool save);
  // Its probes were in place only `age_ns` after it began; of a process that has series.
  void probed_late(uint32_t pid, const telemetry::Resource& resource, uint64_t age_ns);
  void run_over(uint64_t id);
  // Its series stay for a while, so that the last values are read.
  void process_over(uint32_t pid, uint64_t now_ns);
  void expire(uint64_t now_ns);

  std::vector<prometheus::MetricFamily> collect() const override;

  static constexpr size_t kMaxProcesses = 1024;  // what is beyond is counted in refused()
  static constexpr uint64_t kKeptNs = 300'000'000'000;
  static constexpr std::array kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                         0.5,   1.0,    2.5,   5.0,  10.0,  30.0, 60.0};  // seconds

 private:
  struct Process {
    std::string job;
    std::string instance;
    std::map<std::string, uint64_t> steps;  // by optimizer
    std::array<uint64_t, kBounds.size() + 1> buckets{};
    double duration_sum_s = 0;
    uint64_t timed_steps = 0;
    LoopTimes times;
    uint64_t backward_passes = 0;
    uint64_t loader_calls = 0;
    uint64_t saves = 0;
    uint64_t loads = 0;
    double last_step_unix_s = 0;
    uint64_t unseen_ns = 0;  // before its probes were in place; 0: nothing was missed
  };
  // What of a run is counted already.
  struct Counted {
    LoopTimes times;
    uint64_t backward_passes = 0;
    uint64_t loader_calls = 0;
  };
  Process* process(uint32_t pid, const telemetry::Resource& resource);
  void add_progress(Process& process, uint64_t id, const TrainingLoop& loop);

  mutable std::mutex mutex_;  // everything
  std::map<uint32_t, Process> processes_;
  std::unordered_map<uint64_t, Counted> runs_;
  std::deque<std::pair<uint32_t, uint64_t>> over_;  // process, when
  uint64_t refused_ = 0;
};

}  // namespace tacit::gpu
