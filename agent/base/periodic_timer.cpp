// SPDX-License-Identifier: Apache-2.0
#include "agent/base/periodic_timer.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

namespace tacit {

Result<PeriodicTimer> PeriodicTimer::create(unsigned period_ms) {
  PeriodicTimer made;
  made.timer_ = Fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!made.timer_.valid() || !made.set(period_ms))
    return fail(std::string("timerfd: ") + std::strerror(errno));
  return made;
}

void PeriodicTimer::consume() {
  uint64_t expirations = 0;
  (void)!::read(timer_.get(), &expirations, sizeof(expirations));
}

bool PeriodicTimer::set(unsigned period_ms) {
  if (period_ms == period_ms_) return true;
  const timespec period{period_ms / 1000, static_cast<long>(period_ms % 1000) * 1'000'000};
  const itimerspec times{period, period};
  if (::timerfd_settime(timer_.get(), 0, &times, nullptr) != 0) return false;
  period_ms_ = period_ms;
  return true;
}

}  // namespace tacit
