// SPDX-License-Identifier: Apache-2.0
// How a destination's thread learns that it must end, and by when. Set once by the thread that
// shuts down; read on the export thread, which adds fd() to whatever it waits for.
#pragma once
#include <atomic>
#include <chrono>
#include <optional>

#include "agent/base/fd.h"

namespace tacit::exporters {

class StopSignal {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  StopSignal();

  // Ends everything by `deadline`. The first call wins. Any thread.
  void stop_by(TimePoint deadline);
  std::optional<TimePoint> deadline() const;  // none: not stopped
  bool stopped() const { return deadline().has_value(); }
  bool expired() const;  // the deadline has passed

  // Readable from the moment of stop_by() on; -1 if the system refused an eventfd.
  int fd() const { return event_.get(); }

  // The earlier of `limit` and the deadline.
  TimePoint bound(TimePoint limit) const;

 private:
  Fd event_;
  std::atomic<int64_t> deadline_ns_{0};  // 0: not stopped
};

// Milliseconds from now until `end`, rounded up, for poll(); 0 if it has passed.
int milliseconds_until(StopSignal::TimePoint end);

}  // namespace tacit::exporters
