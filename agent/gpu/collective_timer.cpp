// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/collective_timer.h"

#include <utility>

namespace tacit::gpu {

Result<CollectiveTimer> CollectiveTimer::create(CollectiveMetrics& metrics) {
  auto timer = PeriodicTimer::create(CollectiveMetrics::kIdlePeriodMs);
  if (!timer) return std::unexpected(timer.error());
  return CollectiveTimer(metrics, std::move(*timer));
}

void CollectiveTimer::tick() {
  timer_.consume();
  timer_.set(metrics_->tick());
}

}  // namespace tacit::gpu
