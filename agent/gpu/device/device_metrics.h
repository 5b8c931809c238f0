// SPDX-License-Identifier: Apache-2.0
// The figures of the devices as metrics: OpenTelemetry's hw.* names, gpu_* where it has none,
// and with a switch dcgm-exporter's (dcgm_metrics.h). agent/gpu/README.md lists them.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/gpu/device/device_figures.h"
#include "agent/metrics/family_set.h"
#include "agent/metrics/process_metrics.h"
#include "agent/telemetry/metric_source.h"
#include "agent/telemetry/resource.h"

namespace tacit::gpu {

struct DeviceMetricsParts {
  telemetry::ResourcePtr self;  // the agent: what the devices' series belong to. Never null
  std::string host_name;
  bool dcgm_names = false;
  size_t series_limit = 2000;  // of processes on devices; what is beyond counts as `other`
  std::function<std::shared_ptr<const DeviceSnapshot>()> snapshot;  // any thread, never null
  std::function<std::shared_ptr<const std::vector<metrics::ObservedProcess>>()> observed;
  std::function<uint64_t()> now_ns;  // CLOCK_MONOTONIC
};

// collect() on any thread.
class DeviceMetrics : public telemetry::MetricSource {
 public:
  // Figures older than this are left out: a driver that hangs must not look like a steady load.
  static constexpr uint64_t kMostAgeNs = 10'000'000'000;

  explicit DeviceMetrics(DeviceMetricsParts parts) : parts_(std::move(parts)) {}

  // Empty as long as no NVIDIA library was found.
  std::vector<prometheus::MetricFamily> collect() const override;

 private:
  const DeviceMetricsParts parts_;
};

}  // namespace tacit::gpu
