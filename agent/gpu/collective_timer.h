// SPDX-License-Identifier: Apache-2.0
// Reads the communicators in time: often while there are any, else seldom. main.cpp owns it; loop thread.
#pragma once
#include <utility>

#include "agent/base/periodic_timer.h"
#include "agent/gpu/collective_metrics.h"

namespace tacit::gpu {

class CollectiveTimer {
 public:
  // `metrics` outlives it.
  static Result<CollectiveTimer> create(CollectiveMetrics& metrics);
  int fd() const { return timer_.fd(); }  // readable when it is time for tick()
  void tick();

 private:
  CollectiveTimer(CollectiveMetrics& metrics, PeriodicTimer timer)
      : metrics_(&metrics), timer_(std::move(timer)) {}

  CollectiveMetrics* metrics_;
  PeriodicTimer timer_;
};

}  // namespace tacit::gpu
