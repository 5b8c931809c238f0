// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/collective_timer.h"

#include <fmt/format.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tacit::gpu {

Result<CollectiveTimer> CollectiveTimer::create(CollectiveMetrics& metrics) {
  CollectiveTimer made(metrics);
  made.timer_ = Fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!made.timer_.valid() || !made.set(CollectiveMetrics::kIdlePeriodMs))
    return fail(fmt::format("timerfd: {}", std::strerror(errno)));
  return made;
}

void CollectiveTimer::tick() {
  uint64_t expirations = 0;
  (void)!::read(timer_.get(), &expirations, sizeof(expirations));
  set(metrics_->tick());
}

bool CollectiveTimer::set(unsigned period_ms) {
  if (period_ms == period_ms_) return true;
  const timespec period{period_ms / 1000, static_cast<long>(period_ms % 1000) * 1'000'000};
  const itimerspec times{period, period};
  if (::timerfd_settime(timer_.get(), 0, &times, nullptr) != 0) return false;
  period_ms_ = period_ms;
  return true;
}

}  // namespace tacit::gpu
