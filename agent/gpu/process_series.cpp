// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/process_series.h"

#include <utility>

#include "agent/base/valid_text.h"
#include "agent/metrics/target_table.h"

namespace tacit::gpu {

metrics::Labels process_labels(uint32_t pid, std::string job, std::string instance) {
  return {{"job", std::move(job)},
          {"instance", std::move(instance)},
          {"process_pid", std::to_string(pid)}};
}

metrics::Labels process_labels(uint32_t pid, const telemetry::Resource& resource) {
  return process_labels(pid, metrics::job_label(resource), valid_utf8(resource.instance));
}

metrics::Labels with(metrics::Labels labels, const char* name, std::string value) {
  labels.push_back({name, std::move(value)});
  return labels;
}

}  // namespace tacit::gpu
