// SPDX-License-Identifier: Apache-2.0
// All metrics of the agent behind one door: what it counts of others and of itself.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/metrics/process_metrics.h"
#include "agent/metrics/request_metrics.h"
#include "agent/metrics/self_metrics.h"
#include "agent/metrics/target_table.h"
#include "agent/telemetry/metric_source.h"
#include "agent/telemetry/resource.h"

namespace tacit::metrics {

// observe, add_active and set_processes on the loop thread; collect on any.
class Metrics : public telemetry::MetricSource {
 public:
  // `self`: the agent's own resource (service_name "tacit"). `figures` is called by collect(), so
  // on any thread. `proc_root` is "/proc" but in tests.
  Metrics(const config::Config& config, telemetry::ResourcePtr self,
          std::function<SelfFigures()> figures, std::string proc_root = "/proc");

  // Every exchange, sampled or not. See RequestMetrics.
  void observe(const RequestSample& sample, const telemetry::Resource& resource) {
    requests_.observe(sample, resource);
  }
  void add_active(const RequestSample& sample, const telemetry::Resource& resource, int change) {
    requests_.add_active(sample, resource, change);
  }

  // Figures of other rooms, kept out of the way of those here; collected with them. Before the first
  // collect(); `source` outlives this.
  void add_source(const telemetry::MetricSource& source) { sources_.push_back(&source); }

  // The observed processes that are alive now; call it when that changes. The agent adds itself.
  void set_processes(std::vector<ObservedProcess> processes);

  // Those processes, for other rooms' figures of them. Any thread.
  ProcessMetrics::Snapshot processes() const { return processes_.get(); }

  std::vector<prometheus::MetricFamily> collect() const override;

 private:
  telemetry::ResourcePtr self_;
  std::function<SelfFigures()> figures_;
  TargetTable targets_;
  const Labels self_labels_;
  RequestMetrics requests_;
  ProcessMetrics processes_;
  std::vector<const telemetry::MetricSource*> sources_;
};

}  // namespace tacit::metrics
