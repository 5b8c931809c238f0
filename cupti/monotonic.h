// SPDX-License-Identifier: Apache-2.0
// The one clock of everything that leaves: CLOCK_MONOTONIC in ns, as eBPF's bpf_ktime_get_ns.
#pragma once
#include <time.h>

#include <cstdint>

namespace tacit::cupti {

inline constexpr uint64_t kSecond_ns = 1'000'000'000;

inline uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * kSecond_ns + static_cast<uint64_t>(now.tv_nsec);
}

inline uint64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }

// Only for what something cost: the calling thread's time on a core.
inline uint64_t thread_cpu_ns() { return clock_ns(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace tacit::cupti
