// SPDX-License-Identifier: Apache-2.0
// Processes whose images shall be looked into for places to probe: once at a batch's end, so that a
// program that maps a dozen libraries is looked at once. Loop thread.
#pragma once
#include <cstdint>
#include <functional>
#include <map>

#include "agent/discovery/process_table.h"
#include "agent/probe/probe_control.h"

namespace tacit::pipeline {

class Inspections {
 public:
  // `age_ns`: how long this program, or forked child, has run; 0: not known.
  using Found = std::function<void(uint32_t pid, const probe::Inspection& found, uint64_t age_ns)>;
  // Both must outlive it.
  Inspections(probe::ProbeControl& probes, const discovery::ProcessTable& processes, Found found)
      : probes_(probes), processes_(processes), found_(std::move(found)) {}

  // Of an observed process; others are ignored. `began_ns`: it was forked, or became another program,
  // then (CLOCK_MONOTONIC); 0: it only mapped something.
  void ask(uint32_t pid, uint64_t began_ns = 0);
  void forget(uint32_t pid) { asked_.erase(pid); }
  void carry_out();

 private:
  uint64_t age_ns(uint32_t pid, uint64_t began_ns) const;

  probe::ProbeControl& probes_;
  const discovery::ProcessTable& processes_;
  const Found found_;
  std::map<uint32_t, uint64_t> asked_;  // when it began, if that was seen; else 0
};

}  // namespace tacit::pipeline
