// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

#include "agent/discovery/process_table.h"
#include "agent/trace/correlator.h"

namespace tacit::pipeline {

// What happens inside this process. Unless its image told more, what its name tells is known of it.
inline trace::ProcessWork& work_of(trace::Correlator& correlator,
                                   const discovery::ProcessTable& processes, uint32_t pid) {
  auto& work = correlator.work(pid);
  if (work.has_traits()) return work;
  if (const discovery::Process* process = processes.find(pid))
    work.set_traits({.threads_started_for_work =
                         process->image->runtime == discovery::Runtime::kPython});
  return work;
}

}  // namespace tacit::pipeline
