// SPDX-License-Identifier: Apache-2.0
#include "cupti/launch_table.h"

namespace tacit::cupti {
namespace {

constexpr uint64_t kTimeMask = 0x3ff;
constexpr uint32_t kTidLimit = 1u << 22;  // PID_MAX_LIMIT of Linux

uint64_t key_of(uint32_t correlation, uint32_t tid, uint64_t time_ns) {
  const uint64_t kept_tid = tid < kTidLimit ? tid : 0;
  return uint64_t{correlation} << 32 | kept_tid << 10 | (time_ns & kTimeMask);
}

uint32_t correlation_of(uint64_t key) { return static_cast<uint32_t>(key >> 32); }

}  // namespace

bool LaunchTable::holds(uint32_t correlation) const {
  const uint64_t key = slot(correlation).key.load(std::memory_order_relaxed);
  return key != 0 && correlation_of(key) == correlation;
}

void LaunchTable::note(uint32_t correlation, uint32_t tid, uint64_t time_ns) {
  Slot& place = slot(correlation);
  place.key.store(0, std::memory_order_relaxed);
  // Release: who sees the new time also sees that the old key is gone.
  place.time_ns.store(time_ns, std::memory_order_release);
  place.key.store(key_of(correlation, tid, time_ns), std::memory_order_release);
}

bool LaunchTable::find(uint32_t correlation, Launch& launch) const {
  const Slot& place = slot(correlation);
  const uint64_t key = place.key.load(std::memory_order_acquire);
  if (key == 0 || correlation_of(key) != correlation) return false;
  const uint64_t time_ns = place.time_ns.load(std::memory_order_acquire);
  if (place.key.load(std::memory_order_relaxed) != key) return false;
  if ((time_ns & kTimeMask) != (key & kTimeMask)) return false;
  launch.time_ns = time_ns;
  launch.tid = static_cast<uint32_t>(key >> 10) & (kTidLimit - 1);
  return true;
}

}  // namespace tacit::cupti
