// SPDX-License-Identifier: Apache-2.0
// Reads single series back from collected families.
#pragma once
#include <prometheus/metric_family.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "agent/telemetry/resource.h"

namespace tacit::metrics {

using Families = std::vector<prometheus::MetricFamily>;
using LabelMap = std::map<std::string, std::string>;

inline telemetry::Resource resource(uint64_t id, std::string name,
                                    std::string instance = "host:8000") {
  telemetry::Resource made;
  made.id = id;
  made.service_name = std::move(name);
  made.instance = std::move(instance);
  return made;
}

inline LabelMap labels_of(const prometheus::ClientMetric& metric) {
  LabelMap labels;
  for (const auto& label : metric.label) labels.emplace(label.name, label.value);
  return labels;
}

// Null: no such family.
inline const prometheus::MetricFamily* family(const Families& families, const std::string& name) {
  const auto found = std::find_if(families.begin(), families.end(),
                                  [&](const auto& family) { return family.name == name; });
  return found == families.end() ? nullptr : &*found;
}

inline size_t series_count(const Families& families, const std::string& name) {
  const auto* found = family(families, name);
  return found ? found->metric.size() : 0;
}

// The series with exactly these labels; null: none.
inline const prometheus::ClientMetric* series(const Families& families, const std::string& name,
                                              const LabelMap& labels) {
  const auto* found = family(families, name);
  if (found == nullptr) return nullptr;
  const auto at = std::find_if(found->metric.begin(), found->metric.end(),
                               [&](const auto& metric) { return labels_of(metric) == labels; });
  return at == found->metric.end() ? nullptr : &*at;
}

inline uint64_t total_count(const Families& families, const std::string& name) {
  uint64_t count = 0;
  if (const auto* found = family(families, name)) {
    for (const auto& metric : found->metric) count += metric.histogram.sample_count;
  }
  return count;
}

}  // namespace tacit::metrics
