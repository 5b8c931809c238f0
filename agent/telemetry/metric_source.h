// SPDX-License-Identifier: Apache-2.0
// Where outgoing metrics are read from. The metric model is prometheus-cpp's plain structs
// (prometheus/metric_family.h, client_metric.h): facts without behaviour, which /metrics prints as
// they are and OTLP translates.
//
// Contract: every series carries the labels `job` (the resource's service name) and `instance`;
// one gauge `target_info` per (job, instance) carries the other resource attributes as labels.
// Histogram buckets are cumulative and ascending; the +Inf bucket may be left out.
#pragma once
#include <prometheus/metric_family.h>

#include <vector>

namespace tacit::telemetry {

class MetricSource {
 public:
  virtual ~MetricSource() = default;
  // One consistent snapshot. Called from the scrape and the export threads, possibly at once, so
  // implementations lock. The source outlives every output that reads it.
  virtual std::vector<prometheus::MetricFamily> collect() const = 0;
};

}  // namespace tacit::telemetry
