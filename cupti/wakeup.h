// SPDX-License-Identifier: Apache-2.0
// A thread waits here for others, at most so long. Any thread wakes it; a wake that comes while
// nobody waits is kept.
#pragma once
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "cupti/monotonic.h"

namespace tacit::cupti {

class Wakeup {
 public:
  void wake() {
    if (pending_.exchange(1, std::memory_order_acq_rel) == 0)
      ::syscall(SYS_futex, &pending_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
  }
  // Until somebody wakes or `patience_ns` have passed.
  void wait(uint64_t patience_ns) {
    const timespec patience{static_cast<time_t>(patience_ns / kSecond_ns),
                            static_cast<long>(patience_ns % kSecond_ns)};
    if (pending_.load(std::memory_order_acquire) == 0)
      ::syscall(SYS_futex, &pending_, FUTEX_WAIT_PRIVATE, 0, &patience, nullptr, 0);
    pending_.store(0, std::memory_order_release);
  }

 private:
  std::atomic<uint32_t> pending_{0};
};
static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));

}  // namespace tacit::cupti
