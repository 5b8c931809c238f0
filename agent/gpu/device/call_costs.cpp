// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/device/call_costs.h"

#include <cstring>

namespace tacit::gpu {

CallCost& CallCosts::of(const char* call) {
  for (CallCost& cost : costs_)
    if (std::strcmp(cost.call, call) == 0) return cost;
  costs_.push_back({.call = call});
  return costs_.back();
}

}  // namespace tacit::gpu
