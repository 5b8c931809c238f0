// SPDX-License-Identifier: Apache-2.0
// What reading the devices costs, and how well it goes.
#pragma once
#include <cstdint>

#include "agent/gpu/device/device_figures.h"
#include "agent/metrics/family_set.h"

namespace tacit::gpu {

// `base`: the labels job and instance. `age_ns`: of the snapshot.
void add_nvml_metrics(metrics::FamilySet& families, const metrics::Labels& base,
                      const DeviceSnapshot& snapshot, uint64_t age_ns);

}  // namespace tacit::gpu
