// SPDX-License-Identifier: Apache-2.0
#include "exporters/stop_signal.h"

#include <sys/eventfd.h>

#include <algorithm>

namespace tacit::exporters {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

StopSignal::StopSignal() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void StopSignal::stop_by(TimePoint deadline) {
  const int64_t wanted = std::max<int64_t>(1, nanoseconds(deadline.time_since_epoch()).count());
  int64_t none = 0;
  if (!deadline_ns_.compare_exchange_strong(none, wanted)) return;
  if (event_.valid()) (void)::eventfd_write(event_.get(), 1);
}

std::optional<StopSignal::TimePoint> StopSignal::deadline() const {
  const int64_t at = deadline_ns_.load();
  if (at == 0) return std::nullopt;
  return TimePoint(std::chrono::duration_cast<TimePoint::duration>(nanoseconds(at)));
}

bool StopSignal::expired() const {
  const auto end = deadline();
  return end && std::chrono::steady_clock::now() >= *end;
}

StopSignal::TimePoint StopSignal::bound(TimePoint limit) const {
  return std::min(limit, deadline().value_or(limit));
}

int milliseconds_until(StopSignal::TimePoint end) {
  const auto left = std::chrono::ceil<milliseconds>(end - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 3'600'000));
}

}  // namespace tacit::exporters
