// SPDX-License-Identifier: Apache-2.0
// A timerfd for a loop that polls descriptors. One thread.
#pragma once
#include "agent/base/fd.h"
#include "agent/base/result.h"

namespace tacit {

class PeriodicTimer {
 public:
  static Result<PeriodicTimer> create(unsigned period_ms);
  int fd() const { return timer_.get(); }  // readable once a period has passed
  void consume();                          // not readable any more until the next has
  bool set(unsigned period_ms);            // from now on; false: errno says why

 private:
  Fd timer_;
  unsigned period_ms_ = 0;
};

}  // namespace tacit
