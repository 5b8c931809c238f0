// SPDX-License-Identifier: Apache-2.0
#include "agent/pipeline/trace_carriers.h"

#include <algorithm>
#include <optional>
#include <string>

namespace tacit::pipeline {

void TraceCarriers::tell(uint32_t pid) {
  if (!carrying_) return;
  const discovery::Process* process = rooms_.processes.find(pid);
  if (process == nullptr) return;
  const std::string& name = process->image->service_name;
  const auto& selected = rooms_.config.inject_services;
  static_assert(static_cast<int>(config::TraceCarrier::kBoth) == (CARRIES_OPTION | CARRIES_HEADER));
  const bool is_selected = std::find(selected.begin(), selected.end(), name) != selected.end();
  const auto rule = rooms_.samplers.of(name).rule();
  rooms_.probes.trace(
      pid, {.keep_below = rule.below,
            .keep_all = rule.always,
            .parent_based = rule.parent_based,
            .carries = is_selected ? static_cast<uint8_t>(rooms_.config.inject) : uint8_t{0},
            .pad = {}});
}

void TraceCarriers::tell_program(uint32_t pid) {
  if (!carrying_) return;
  const auto trace = rooms_.correlator.program_trace(pid);
  if (!trace) return;
  ::program_trace own{};
  std::copy(trace->trace_id.begin(), trace->trace_id.end(), own.trace_id);
  own.sampled = trace->flags & 1;
  rooms_.probes.set_program_trace(pid, own);
}

void TraceCarriers::forget_program(uint32_t pid) {
  if (carrying_) rooms_.probes.set_program_trace(pid, std::nullopt);
}

}  // namespace tacit::pipeline
