// SPDX-License-Identifier: Apache-2.0
// Slow work beside the loop: tells of traffic that cannot be seen, and lets the kernel measure the
// BPF programs now and then. Loop thread.
#pragma once
#include <cstdint>
#include <unordered_map>
#include <utility>

#include "agent/base/periodic_timer.h"
#include "agent/discovery/process_table.h"
#include "agent/probe/probe_set.h"

namespace tacit::command {

class Housekeeping {
 public:
  // Both must outlive it.
  static Result<Housekeeping> create(probe::ProbeSet& probes, discovery::ProcessTable& processes);
  int fd() const { return timer_.fd(); }  // readable once a second
  void tick();
  void warn_of_unseen();  // io_uring traffic and losses since it last spoke

 private:
  Housekeeping(probe::ProbeSet& probes, discovery::ProcessTable& processes, PeriodicTimer timer)
      : probes_(&probes), processes_(&processes), timer_(std::move(timer)) {}

  probe::ProbeSet* probes_;
  discovery::ProcessTable* processes_;
  PeriodicTimer timer_;
  uint64_t ticks_ = 0;
  uint64_t told_drops_ = 0;
  std::unordered_map<uint32_t, uint64_t> told_;  // io_uring operations by pid
};

}  // namespace tacit::command
