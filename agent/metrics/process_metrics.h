// SPDX-License-Identifier: Apache-2.0
// The process_* metrics of every observed process, read from /proc as they are asked for.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "agent/metrics/family_set.h"
#include "agent/telemetry/resource.h"

namespace tacit::metrics {

struct ObservedProcess {
  uint32_t pid = 0;
  // Task start, CLOCK_BOOTTIME: with it a reused pid is not taken for the process. 0: not known.
  uint64_t start_time_ns = 0;
  telemetry::ResourcePtr resource;  // never null
};

// set() on the loop thread, add_to() on any.
class ProcessMetrics {
 public:
  // At most `limit` processes are read; the rest is counted.
  ProcessMetrics(std::string proc_root, size_t limit);

  using Snapshot = std::shared_ptr<const std::vector<ObservedProcess>>;

  // All that are alive now, in place of those before.
  void set(std::vector<ObservedProcess> processes);
  // The last ones set; never null. Any thread.
  Snapshot processes() const;

  // One series a process and metric, labels job, instance, process_pid. What ended meanwhile is
  // left out. `self` are the labels of the agent's own figures.
  void add_to(FamilySet& families, const Labels& self) const;

 private:
  void add_process(FamilySet& families, const ObservedProcess& process) const;

  const std::string root_;
  const size_t limit_;
  const double boot_time_;
  mutable std::mutex mutex_;  // processes_
  Snapshot processes_;
};

}  // namespace tacit::metrics
