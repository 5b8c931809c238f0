// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/process_metrics.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "agent/base/valid_text.h"
#include "agent/metrics/process_figures.h"
#include "agent/metrics/target_table.h"

namespace tacit::metrics {
namespace {

// /proc shows start times in ticks of 10 ms.
constexpr double kStartTolerance = 0.02;

}  // namespace

ProcessMetrics::ProcessMetrics(std::string proc_root, size_t limit)
    : root_(std::move(proc_root)),
      limit_(limit),
      boot_time_(read_boot_time(root_)),
      processes_(std::make_shared<const std::vector<ObservedProcess>>()) {}

void ProcessMetrics::set(std::vector<ObservedProcess> processes) {
  auto snapshot = std::make_shared<const std::vector<ObservedProcess>>(std::move(processes));
  const std::lock_guard lock(mutex_);
  processes_.swap(snapshot);
}

ProcessMetrics::Snapshot ProcessMetrics::get() const {
  const std::lock_guard lock(mutex_);
  return processes_;
}

void ProcessMetrics::add_to(FamilySet& families, const Labels& self) const {
  const Snapshot processes = get();
  const size_t count = std::min(processes->size(), limit_);
  for (size_t i = 0; i < count; ++i) add_process(families, (*processes)[i]);
  families.add_gauge("tacit_unreported_processes",
                     "Observed processes beyond the series limit, without process_* series", self,
                     static_cast<double>(processes->size() - count));
}

void ProcessMetrics::add_process(FamilySet& families, const ObservedProcess& process) const {
  const auto figures = read_process(root_, process.pid);
  if (!figures) return;
  if (process.start_time_ns != 0) {
    const double start = static_cast<double>(process.start_time_ns) / 1e9;
    if (std::abs(start - figures->start_seconds_after_boot) > kStartTolerance) return;
  }
  const Labels labels = {{"job", job_label(*process.resource)},
                         {"instance", valid_utf8(process.resource->instance)},
                         {"process_pid", std::to_string(process.pid)}};
  families.add_counter("process_cpu_seconds_total", "User and system CPU time spent", labels,
                       figures->cpu_seconds);
  families.add_gauge("process_resident_memory_bytes", "Resident memory size", labels,
                     static_cast<double>(figures->resident_bytes));
  families.add_gauge("process_virtual_memory_bytes", "Virtual memory size", labels,
                     static_cast<double>(figures->virtual_bytes));
  if (boot_time_ > 0) {
    families.add_gauge("process_start_time_seconds", "Start of the process, Unix time", labels,
                       boot_time_ + figures->start_seconds_after_boot);
  }
  if (figures->open_fds) {
    families.add_gauge("process_open_fds", "Open file descriptors", labels,
                       static_cast<double>(*figures->open_fds));
  }
  if (figures->max_fds) {
    families.add_gauge("process_max_fds", "Maximum number of open file descriptors (soft limit)",
                       labels, static_cast<double>(*figures->max_fds));
  }
}

}  // namespace tacit::metrics
