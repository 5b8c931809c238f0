// SPDX-License-Identifier: Apache-2.0
// The one clock of everything that leaves: CLOCK_MONOTONIC in ns, as eBPF's bpf_ktime_get_ns.
#pragma once
#include <time.h>

#include <cstdint>

namespace tacit::cupti {

inline constexpr uint64_t kSecond_ns = 1'000'000'000;

inline uint64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * kSecond_ns + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace tacit::cupti
