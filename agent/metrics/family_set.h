// SPDX-License-Identifier: Apache-2.0
// Metric families under construction for one collect(): a name appears once, with all its series,
// as the text format demands.
#pragma once
#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "agent/base/hash.h"

namespace tacit::metrics {

using Labels = std::vector<prometheus::ClientMetric::Label>;

class FamilySet {
 public:
  void add_counter(const char* name, const char* help, Labels labels, double value);
  void add_gauge(const char* name, const char* help, Labels labels, double value);
  // Joins families of the same name.
  void append(std::vector<prometheus::MetricFamily> families);

  // In the order of first appearance; the set is empty afterwards.
  std::vector<prometheus::MetricFamily> take();

 private:
  prometheus::MetricFamily& family(const std::string& name, const std::string& help,
                                   prometheus::MetricType type);

  std::vector<prometheus::MetricFamily> families_;
  StringMap<size_t> index_;
};

}  // namespace tacit::metrics
