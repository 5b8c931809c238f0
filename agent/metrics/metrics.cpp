// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/metrics.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

namespace tacit::metrics {

Metrics::Metrics(const config::Config& config, telemetry::ResourcePtr self,
                 std::function<SelfFigures()> figures, std::string proc_root)
    : self_(std::move(self)),
      figures_(std::move(figures)),
      targets_(*self_, std::max<size_t>(config.series_limit, 1)),
      self_labels_(targets_.self_labels()),
      requests_(config, targets_),
      processes_(std::move(proc_root), std::max<size_t>(config.series_limit, 1)) {
  set_processes({});
}

void Metrics::set_processes(std::vector<ObservedProcess> processes) {
  for (const ObservedProcess& process : processes) targets_.find(*process.resource);
  // First, so that the limit never leaves out the agent.
  processes.insert(processes.begin(), {static_cast<uint32_t>(::getpid()), 0, self_});
  processes_.set(std::move(processes));
}

std::vector<prometheus::MetricFamily> Metrics::collect() const {
  FamilySet families;
  families.append(requests_.collect());
  processes_.add_to(families, self_labels_);
  add_self_metrics(figures_(), self_labels_, families);
  for (const auto* source : sources_) families.append(source->collect());
  families.append({targets_.collect()});
  return families.take();
}

}  // namespace tacit::metrics
