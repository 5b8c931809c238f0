// SPDX-License-Identifier: Apache-2.0
#include "agent/command/housekeeping.h"

#include <fmt/format.h>

#include <utility>

#include "agent/base/log.h"

namespace tacit::command {
namespace {

constexpr uint64_t kTellEveryTicks = 10;
// The kernel's statistics cost some 20 ns a run, so they are on for one second in thirty: enough
// for a mean, as run time and runs are counted together.
constexpr uint64_t kMeasureEveryTicks = 30;

}  // namespace

Result<Housekeeping> Housekeeping::create(probe::ProbeSet& probes,
                                          discovery::ProcessTable& processes) {
  auto every_second = PeriodicTimer::create(1000);
  if (!every_second) return std::unexpected(every_second.error());
  return Housekeeping(probes, processes, std::move(*every_second));
}

void Housekeeping::tick() {
  timer_.consume();
  ++ticks_;
  if (ticks_ % kMeasureEveryTicks == 1) probes_->measure_programs(true);
  if (ticks_ % kMeasureEveryTicks == 2) probes_->measure_programs(false);
  if (ticks_ % kTellEveryTicks == 0) warn_of_unseen();
}

void Housekeeping::warn_of_unseen() {
  for (const auto& [pid, count] : probes_->io_uring_operations()) {
    uint64_t& told = told_[pid];
    if (count == told) continue;
    const auto* process = processes_->find(pid);
    log::warn(fmt::format(
        "{} (process {}) moved data through io_uring {} times: that traffic is not seen; "
        "switch io_uring off in it to trace it",
        process != nullptr ? log::escape(process->image->service_name) : "a process", pid,
        count - told));
    told = count;
  }
  uint64_t drops = 0;
  for (const auto& drop : probes_->drops()) drops += drop.count;
  if (drops == told_drops_) return;
  log::warn(fmt::format("{} events were lost before they could be read; "
                        "raise capture.ring_mib, or see tacit_events_dropped_total",
                        drops - told_drops_));
  told_drops_ = drops;
}

}  // namespace tacit::command
