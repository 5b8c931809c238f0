// SPDX-License-Identifier: Apache-2.0
// Metric families → ExportMetricsServiceRequest (proto/metrics.proto), one ResourceMetrics per job
// and instance. Counters become monotonic cumulative sums, histograms explicit-bounds histograms;
// names by metric_names.h. Pure.
#pragma once
#include <prometheus/metric_family.h>

#include <cstdint>
#include <vector>

#include "exporters/destination.h"

namespace tacit::exporters {

// `start_unix_ns`: since when the cumulative values count. `now_unix_ns`: the points' time.
// target_info is no metric here: its labels are the resource's attributes. Series without a job
// belong to the agent itself: service.name "tacit". A Payload's items are data points.
std::vector<Payload> encode_metrics(const std::vector<prometheus::MetricFamily>& families,
                                    uint64_t start_unix_ns, uint64_t now_unix_ns);

}  // namespace tacit::exporters
