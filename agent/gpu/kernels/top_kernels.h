// SPDX-License-Identifier: Apache-2.0
// Time by kernel of one process: a few kernels have a figure of their own, the others share one. Which
// ones may change; every figure only grows, as counters must.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "agent/base/hash.h"

namespace tacit::gpu {

class TopKernels {
 public:
  static constexpr size_t kNamed = 20;        // with a figure of their own
  static constexpr size_t kMaxLabels = 2048;  // told apart; later ones are `other`
  static constexpr uint16_t kOther = UINT16_MAX;
  static constexpr char kOtherLabel[] = "other";

  // A number for add(), or kOther: there is no room.
  uint16_t intern(const std::string& label);
  void add(uint16_t label, uint64_t time_ns);
  // Once in a while: gives the names to those that took most of the time lately.
  void rebalance();

  struct Figure {
    std::string label;
    uint64_t time_ns = 0;  // since it first had a name
    uint64_t count = 0;
  };
  std::vector<Figure> named() const;
  Figure other() const { return {kOtherLabel, other_ns_, other_count_}; }

 private:
  struct Kernel {
    std::string label;
    uint64_t named_ns = 0, named_count = 0;
    uint64_t recent_ns = 0;  // halved at every rebalance()
    bool named = false;
  };
  StringMap<uint16_t> index_;
  std::vector<Kernel> kernels_;
  size_t named_count_ = 0;
  uint64_t other_ns_ = 0, other_count_ = 0;
};

}  // namespace tacit::gpu
