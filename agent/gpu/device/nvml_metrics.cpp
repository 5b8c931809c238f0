// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/device/nvml_metrics.h"

#include <string_view>

namespace tacit::gpu {

void add_nvml_metrics(metrics::FamilySet& families, const metrics::Labels& base,
                      const DeviceSnapshot& snapshot, uint64_t age_ns) {
  for (const CallCost& cost : snapshot.costs) {
    if (cost.calls == 0) continue;
    metrics::Labels labels = base;
    labels.push_back({"call", cost.call});
    families.add_counter("tacit_nvml_calls_total", "Calls of NVIDIA's management library", labels,
                         static_cast<double>(cost.calls));
    families.add_counter("tacit_nvml_call_errors_total",
                         "Calls that failed, other than for want of support", labels,
                         static_cast<double>(cost.errors));
    // That one is asked to wait.
    if (std::string_view(cost.call) == "nvmlEventSetWait_v2") continue;
    families.add_counter("tacit_nvml_call_seconds_total", "Time spent in those calls", labels,
                         static_cast<double>(cost.time_ns) * 1e-9);
  }
  const auto refused = [&](const char* reason, uint64_t value) {
    metrics::Labels labels = base;
    labels.push_back({"reason", reason});
    families.add_gauge("tacit_nvml_refused_figures",
                       "Figures of all devices that are not asked for again", labels,
                       static_cast<double>(value));
  };
  refused("not_supported", snapshot.not_supported);
  refused("no_permission", snapshot.not_permitted);
  families.add_counter("tacit_nvml_restarts_total",
                       "New starts of the library, as the driver or a device went away", base,
                       static_cast<double>(snapshot.restarts));
  families.add_counter("tacit_gpu_sample_rounds_total", "Times that all devices were read", base,
                       static_cast<double>(snapshot.rounds));
  families.add_gauge("tacit_gpu_sample_age_seconds", "Since the devices were last read", base,
                     static_cast<double>(age_ns) * 1e-9);
}

}  // namespace tacit::gpu
