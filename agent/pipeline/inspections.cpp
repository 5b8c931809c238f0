// SPDX-License-Identifier: Apache-2.0
#include "agent/pipeline/inspections.h"

#include "agent/base/clock.h"

namespace tacit::pipeline {

void Inspections::ask(uint32_t pid, uint64_t began_ns) {
  if (processes_.find(pid) == nullptr) return;
  uint64_t& began = asked_[pid];
  if (began_ns != 0) began = began_ns;
}

void Inspections::carry_out() {
  for (const auto& [pid, began_ns] : asked_) {
    const auto found = probes_.inspect(pid);
    found_(pid, found, age_ns(pid, began_ns));
  }
  asked_.clear();
}

uint64_t Inspections::age_ns(uint32_t pid, uint64_t began_ns) const {
  if (began_ns != 0) return monotonic_ns() - began_ns;
  const discovery::Process* process = processes_.find(pid);
  if (process == nullptr) return 0;
  const uint64_t start_ns = process->key.start_ticks * discovery::kNsPerTick;
  const uint64_t now_ns = clock_ns(CLOCK_BOOTTIME);
  return now_ns > start_ns ? now_ns - start_ns : 0;
}

}  // namespace tacit::pipeline
