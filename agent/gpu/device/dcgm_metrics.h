// SPDX-License-Identifier: Apache-2.0
// The figures under the names, units and labels of dcgm-exporter's default counters, so that
// dashboards made for it (Grafana 12239) work unchanged. Both spellings of the host's label are
// there: `Hostname` before dcgm-exporter 4.6, `hostname` since.
#pragma once
#include <string>

#include "agent/gpu/device/device_figures.h"
#include "agent/metrics/family_set.h"

namespace tacit::gpu {

void add_dcgm_metrics(metrics::FamilySet& families, const metrics::Labels& base,
                      const DeviceSnapshot& snapshot, const std::string& host_name);

}  // namespace tacit::gpu
