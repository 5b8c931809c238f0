// SPDX-License-Identifier: Apache-2.0
// Kernel events carry CLOCK_MONOTONIC; what leaves carries wall time.
#pragma once
#include <cstdint>
#include <ctime>

namespace tacit {

inline uint64_t clock_ns(clockid_t id) {
  timespec t{};
  ::clock_gettime(id, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

inline uint64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }

// Nanoseconds since the Unix epoch minus CLOCK_MONOTONIC. Taken once per batch of events by the
// loop, so that a stepped wall clock moves later spans and never stretches one.
inline int64_t wall_offset_ns() {
  return static_cast<int64_t>(clock_ns(CLOCK_REALTIME)) - static_cast<int64_t>(monotonic_ns());
}

}  // namespace tacit
