// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/family_set.h"

#include <iterator>
#include <utility>

namespace tacit::metrics {

using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily& FamilySet::family(const std::string& name, const std::string& help,
                                MetricType type) {
  const auto [entry, is_new] = index_.emplace(name, families_.size());
  if (is_new) families_.push_back({name, help, type, {}});
  return families_[entry->second];
}

void FamilySet::add_counter(const char* name, const char* help, Labels labels, double value) {
  auto& metric = family(name, help, MetricType::Counter).metric.emplace_back();
  metric.label = std::move(labels);
  metric.counter.value = value;
}

void FamilySet::add_gauge(const char* name, const char* help, Labels labels, double value) {
  auto& metric = family(name, help, MetricType::Gauge).metric.emplace_back();
  metric.label = std::move(labels);
  metric.gauge.value = value;
}

void FamilySet::append(std::vector<MetricFamily> families) {
  for (MetricFamily& from : families) {
    if (from.metric.empty()) continue;
    auto& into = family(from.name, from.help, from.type).metric;
    into.insert(into.end(), std::make_move_iterator(from.metric.begin()),
                std::make_move_iterator(from.metric.end()));
  }
}

std::vector<MetricFamily> FamilySet::take() {
  index_.clear();
  return std::exchange(families_, {});
}

}  // namespace tacit::metrics
