// SPDX-License-Identifier: Apache-2.0
// What calls of a foreign library cost.
#pragma once
#include <cstdint>
#include <deque>
#include <vector>

namespace tacit::gpu {

// What one function of the library was asked and took, since start.
struct CallCost {
  const char* call = nullptr;  // a literal: the function's name
  uint64_t calls = 0;
  uint64_t errors = 0;  // answers that are neither a value nor "there is none"
  uint64_t time_ns = 0;
};

// One thread. Outlives the libraries that count into it, so a reloaded library counts on.
class CallCosts {
 public:
  CallCost& of(const char* call);
  std::vector<CallCost> read() const { return {costs_.begin(), costs_.end()}; }

 private:
  std::deque<CallCost> costs_;  // stable addresses
};

}  // namespace tacit::gpu
