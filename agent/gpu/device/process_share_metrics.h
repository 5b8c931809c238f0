// SPDX-License-Identifier: Apache-2.0
// Who uses the devices: observed processes by name, all others in one sum a device, so that the
// figures of a device add up and nothing is told of processes that nobody selected.
#pragma once
#include <cstddef>
#include <vector>

#include "agent/gpu/device/device_figures.h"
#include "agent/metrics/family_set.h"
#include "agent/metrics/process_metrics.h"

namespace tacit::gpu {

// At most `limit` pairs of process and device are named; the rest counts as others.
void add_process_shares(metrics::FamilySet& families, const metrics::Labels& base,
                        const DeviceSnapshot& snapshot,
                        const std::vector<metrics::ObservedProcess>& observed, size_t limit);

// The labels of every series of a device.
metrics::Labels device_labels(const metrics::Labels& base, const DeviceIdentity& identity);

}  // namespace tacit::gpu
