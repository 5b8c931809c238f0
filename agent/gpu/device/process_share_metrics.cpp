// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/device/process_share_metrics.h"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "agent/base/valid_text.h"
#include "agent/metrics/target_table.h"

namespace tacit::gpu {
namespace {

using metrics::FamilySet;
using metrics::Labels;

// What others use together.
struct Others {
  uint64_t processes = 0;
  uint64_t memory_bytes = 0;
  double sm = 0;
  bool memory_known = true;  // of each of them
  bool sm_known = true;

  void add(const ProcessFigures& process) {
    ++processes;
    memory_bytes += process.memory_bytes.value_or(0);
    sm += process.sm.value_or(0);
    memory_known &= process.memory_bytes.has_value();
    sm_known &= process.sm.has_value();
  }
};

void add_process(FamilySet& families, Labels labels, const ProcessFigures& process) {
  labels.push_back({"process_pid", std::to_string(process.pid)});
  if (process.memory_bytes)
    families.add_gauge("gpu_process_memory_bytes", "GPU memory that the process holds",
                       labels, static_cast<double>(*process.memory_bytes));
  const std::pair<const char*, const std::optional<double>&> tasks[] = {
      {"general", process.sm},
      {"memory", process.memory},
      {"encoder", process.encoder},
      {"decoder", process.decoder}};
  for (const auto& [task, value] : tasks) {
    if (!value) continue;
    Labels one = labels;
    one.push_back({"hw_gpu_task", task});
    families.add_gauge("gpu_process_utilization_ratio",
                       "Share of time in which the process had the GPU do this", std::move(one),
                       *value);
  }
}

void add_others(FamilySet& families, const Labels& labels, const Others& others) {
  families.add_gauge("gpu_other_processes", "Processes on the GPU that are not named", labels,
                     static_cast<double>(others.processes));
  if (others.memory_known)
    families.add_gauge("gpu_other_process_memory_bytes", "GPU memory that they hold", labels,
                       static_cast<double>(others.memory_bytes));
  if (others.sm_known)
    families.add_gauge("gpu_other_process_utilization_ratio",
                       "Share of time in which they used the GPU", labels,
                       std::min(others.sm, 1.0));
}

}  // namespace

void add_process_shares(FamilySet& families, const Labels& base, const DeviceSnapshot& snapshot,
                        const std::vector<metrics::ObservedProcess>& observed, size_t limit) {
  std::unordered_map<uint32_t, const telemetry::Resource*> resources;
  for (const auto& process : observed) resources.emplace(process.pid, process.resource.get());
  for (const DeviceFigures& device : snapshot.devices) {
    if (device.state != nvml::kSuccess || !device.processes_known) continue;
    Others others;
    for (const ProcessFigures& process : device.processes) {
      const auto found = resources.find(process.pid);
      if (found == resources.end() || limit == 0) {
        others.add(process);
        continue;
      }
      --limit;
      const Labels own = {{"job", metrics::job_label(*found->second)},
                          {"instance", valid_utf8(found->second->instance)}};
      add_process(families, device_labels(own, device.identity), process);
    }
    add_others(families, device_labels(base, device.identity), others);
  }
}

}  // namespace tacit::gpu
