// SPDX-License-Identifier: Apache-2.0
// Reads the communicators in time: often while there are any, else seldom. main.cpp owns it; loop thread.
#pragma once
#include "agent/base/fd.h"
#include "agent/base/result.h"
#include "agent/gpu/collective_metrics.h"

namespace tacit::gpu {

class CollectiveTimer {
 public:
  // `metrics` outlives it.
  static Result<CollectiveTimer> create(CollectiveMetrics& metrics);
  int fd() const { return timer_.get(); }  // readable when it is time for tick()
  void tick();

 private:
  explicit CollectiveTimer(CollectiveMetrics& metrics) : metrics_(&metrics) {}
  bool set(unsigned period_ms);

  CollectiveMetrics* metrics_;
  Fd timer_;
  unsigned period_ms_ = 0;
};

}  // namespace tacit::gpu
