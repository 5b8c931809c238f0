// SPDX-License-Identifier: Apache-2.0
// Blocks of kernel records of every process → metrics, and sums for whoever opens windows (kernel_
// windows.h). All on the loop thread, but collect().
#pragma once
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/event/event.h"
#include "agent/gpu/kernels/kernel_windows.h"
#include "agent/gpu/kernels/process_kernels.h"
#include "agent/gpu/kernels/thread_ids.h"
#include "agent/metrics/family_set.h"
#include "agent/telemetry/metric_source.h"

namespace tacit::gpu {

class KernelTracer final : public telemetry::MetricSource {
 public:
  static constexpr size_t kMaxProcesses = 128;

  // `self`: labels job and instance of the agent's own figures.
  explicit KernelTracer(metrics::Labels self, std::string proc_root = "/proc");

  void on_batch(const event::GpuBatch& batch, const telemetry::ResourcePtr& resource);
  // The process ended, or became another by exec. Its figures stay for some scrapes.
  void exited(uint32_t pid, uint64_t time_ns);
  // After each batch of events; works once a second.
  void tick(uint64_t now_ns);

  // Has handed over blocks, and lives.
  bool traces(uint32_t pid) const;
  KernelWindows& windows() { return windows_; }

  // For whoever knows how much memory a process holds. nullopt: it is not traced now. Any thread.
  std::optional<TracedWork> work(uint32_t pid) const;

  std::vector<prometheus::MetricFamily> collect() const override;

 private:
  size_t interval_limit() const;
  bool make_room();

  const metrics::Labels self_;
  ThreadIds threads_;
  KernelWindows windows_;
  uint64_t next_tick_ns_ = 0;
  mutable std::mutex mutex_;  // what follows
  // Reading them merges what is pending.
  mutable std::unordered_map<uint32_t, ProcessKernels> processes_;
  uint64_t now_ns_ = 0;
  uint64_t refused_blocks_ = 0;  // of processes beyond kMaxProcesses
  size_t devices_ = 0;
};

}  // namespace tacit::gpu
