// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/kernels/top_kernels.h"

#include <algorithm>

namespace tacit::gpu {

uint16_t TopKernels::intern(const std::string& label) {
  if (label == kOtherLabel) return kOther;  // whoever calls a kernel so
  if (const auto found = index_.find(label); found != index_.end()) return found->second;
  if (kernels_.size() >= kMaxLabels) return kOther;
  const auto number = static_cast<uint16_t>(kernels_.size());
  kernels_.push_back({.label = label});
  index_.emplace(label, number);
  return number;
}

void TopKernels::add(uint16_t label, uint64_t time_ns) {
  if (label < kernels_.size()) {
    Kernel& kernel = kernels_[label];
    kernel.recent_ns += time_ns;
    // The first ones get their names at once: short programs have no others.
    if (!kernel.named && named_count_ < kNamed) {
      kernel.named = true;
      ++named_count_;
    }
    if (kernel.named) {
      kernel.named_ns += time_ns;
      ++kernel.named_count;
      return;
    }
  }
  other_ns_ += time_ns;
  ++other_count_;
}

void TopKernels::rebalance() {
  if (kernels_.size() > kNamed) {
    std::vector<std::pair<uint64_t, uint32_t>> ranks;
    for (uint32_t i = 0; i < kernels_.size(); ++i) {
      const Kernel& kernel = kernels_[i];
      // Who has a name keeps it against one that is only slightly ahead.
      ranks.emplace_back(kernel.recent_ns + (kernel.named ? kernel.recent_ns / 2 + 1 : 0), i);
    }
    std::nth_element(ranks.begin(), ranks.begin() + kNamed, ranks.end(), std::greater<>());
    for (size_t i = 0; i < ranks.size(); ++i) kernels_[ranks[i].second].named = i < kNamed;
    named_count_ = kNamed;
  }
  for (Kernel& kernel : kernels_) kernel.recent_ns /= 2;
}

std::vector<TopKernels::Figure> TopKernels::named() const {
  std::vector<Figure> out;
  for (const Kernel& kernel : kernels_)
    if (kernel.named && kernel.named_count != 0)
      out.push_back({kernel.label, kernel.named_ns, kernel.named_count});
  return out;
}

}  // namespace tacit::gpu
