// SPDX-License-Identifier: Apache-2.0
// The kernel side's tables of CUDA and NCCL calls (bpf/maps/cuda.h), read and cleaned. ProbeSet owns
// it; the descriptors stay the skeleton's. Any thread.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "agent/event/cuda_counts.h"

namespace tacit::probe {

class CudaCounters {
 public:
  struct Maps {
    int totals = -1;
    int allocations = -1;
    int failures = -1;
    int collectives = -1;
    int communicators = -1;
  };
  explicit CudaCounters(const Maps& maps) : maps_(maps) {}

  // Every process that made a call, in no order.
  std::vector<event::CudaCounts> read() const;
  std::optional<event::CudaCounts> read(uint32_t pid) const;
  // Its probes are attached; again: no matter.
  void watch(uint32_t pid, uint64_t now_ns);
  std::vector<event::CudaWatch> watched() const;
  // Those whose group is known, in no order; one that was destroyed is told once more, and no more.
  std::vector<event::CudaCommunicator> communicators() const;
  // The process ended or was replaced by an exec.
  void forget(uint32_t pid);

 private:
  std::vector<event::CudaFailureCount> failures(uint32_t pid) const;
  std::vector<event::CudaCollectives> collectives(uint32_t pid) const;

  Maps maps_;
  mutable std::mutex mutex_;  // what follows
  std::map<uint32_t, uint64_t> watched_since_ns_;
};

}  // namespace tacit::probe
