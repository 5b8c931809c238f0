// SPDX-License-Identifier: Apache-2.0
// What the series of an observed process have in common.
#pragma once
#include <cstdint>
#include <string>

#include "agent/metrics/family_set.h"
#include "agent/telemetry/resource.h"

namespace tacit::gpu {

// job, instance, process_pid.
metrics::Labels process_labels(uint32_t pid, const telemetry::Resource& resource);
metrics::Labels process_labels(uint32_t pid, std::string job, std::string instance);

metrics::Labels with(metrics::Labels labels, const char* name, std::string value);

constexpr double seconds(uint64_t ns) { return static_cast<double>(ns) / 1e9; }

}  // namespace tacit::gpu
