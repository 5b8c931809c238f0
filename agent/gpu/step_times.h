// SPDX-License-Identifier: Apache-2.0
// Durations of many steps in constant memory: buckets of 1/256 of a power of two, so a quantile is
// within 0.2 % of the value it stands for. Loop thread.
#pragma once
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace tacit::gpu {

class StepTimes {
 public:
  void add(uint64_t duration_ns) {
    ++counts_[bucket_of(duration_ns)];
    ++count_;
  }
  uint64_t count() const { return count_; }

  // The smallest value that at least this share of the steps does not exceed; 0: there are none.
  uint64_t quantile_ns(double share) const {
    const auto wanted = static_cast<uint64_t>(share * static_cast<double>(count_) + 0.999999);
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted && seen > 0) return middle_of(i);
    }
    return 0;
  }

 private:
  static constexpr unsigned kSubBits = 8;     // 256 buckets a power of two
  static constexpr unsigned kFirstPower = 14;  // 16 us: shorter steps share the first buckets
  static constexpr unsigned kLastPower = 42;   // 73 minutes: longer ones share the last
  static constexpr size_t kBuckets = size_t{kLastPower - kFirstPower} << kSubBits;

  static size_t bucket_of(uint64_t ns) {
    if (ns < (uint64_t{1} << kFirstPower)) return 0;
    const auto power = static_cast<unsigned>(std::bit_width(ns)) - 1;
    if (power >= kLastPower) return kBuckets - 1;
    const uint64_t part = (ns >> (power - kSubBits)) & ((1U << kSubBits) - 1);
    return (size_t{power - kFirstPower} << kSubBits) + part;
  }
  static uint64_t middle_of(size_t bucket) {
    const unsigned power = kFirstPower + static_cast<unsigned>(bucket >> kSubBits);
    const uint64_t part = bucket & ((1U << kSubBits) - 1);
    return (uint64_t{1} << power) + (part << (power - kSubBits)) +
           (uint64_t{1} << (power - kSubBits - 1));
  }

  std::array<uint32_t, kBuckets> counts_{};
  uint64_t count_ = 0;
};

}  // namespace tacit::gpu
