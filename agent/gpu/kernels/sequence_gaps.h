// SPDX-License-Identifier: Apache-2.0
// Counts numbers that never came, of a sequence that may come slightly out of order (threads of one
// process hand over blocks at once). Sequences are the target's word: any number is harmless.
#pragma once
#include <cstdint>

namespace tacit::gpu {

class SequenceGaps {
 public:
  void see(uint64_t number) {
    if (!started_ || number == 0) return restart(number);
    if (number > newest_) return advance(number - newest_, number);
    const uint64_t back = newest_ - number;
    if (back < kWindow && number >= first_) seen_ |= uint64_t{1} << back;
  }

  // Certain: those that are too old to come. Never falls.
  uint64_t lost() const { return lost_; }
  // Nothing more will come.
  void finish() {
    if (started_) lost_ += missing_among(kWindow);
    started_ = false;
  }

 private:
  static constexpr uint64_t kWindow = 64;

  void restart(uint64_t number) {
    finish();
    started_ = true;
    first_ = newest_ = number;
    seen_ = 1;
  }

  // How many of the newest `count` did not come.
  uint64_t missing_among(uint64_t count) const {
    const uint64_t known = newest_ - first_ + 1 < count && newest_ - first_ + 1 != 0
                               ? newest_ - first_ + 1 : count;
    const uint64_t mask = known >= kWindow ? ~uint64_t{0} : (uint64_t{1} << known) - 1;
    return static_cast<uint64_t>(__builtin_popcountll(~seen_ & mask));
  }

  void advance(uint64_t by, uint64_t number) {
    if (by >= kWindow) {
      lost_ += missing_among(kWindow) + (by - kWindow);
      seen_ = 1;
      newest_ = number;
      // The window's other numbers may still come.
      first_ = number - (kWindow - 1) > first_ ? number - (kWindow - 1) : first_;
      return;
    }
    for (uint64_t i = 0; i < by; ++i) {
      const bool old_enough = newest_ - first_ >= kWindow - 1;
      if (old_enough && (seen_ >> (kWindow - 1) & 1) == 0) ++lost_;
      seen_ <<= 1;
      ++newest_;
    }
    seen_ |= 1;
  }

  bool started_ = false;
  uint64_t first_ = 0;
  uint64_t newest_ = 0;
  uint64_t seen_ = 0;  // bit n: newest_ - n came
  uint64_t lost_ = 0;
};

}  // namespace tacit::gpu
