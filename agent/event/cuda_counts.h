// SPDX-License-Identifier: Apache-2.0
// What one process asked of CUDA and NCCL so far, as the kernel side counted it (bpf/events/cuda.h).
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "bpf/events/cuda.h"

namespace tacit::event {

struct CudaFailureCount {
  cuda_call call = CUDA_CALL_NONE;
  int32_t code = 0;
  uint64_t count = 0;
};

struct CudaCollectives {
  cuda_call call = CUDA_CALL_NONE;
  uint64_t communicator = 0;  // its number; CUDA_COMMUNICATOR_UNKNOWN
  cuda_collective_counts counts{};
};

struct CudaCounts {
  uint32_t pid = 0;
  cuda_totals totals{};
  std::vector<CudaFailureCount> failures;
  std::vector<CudaCollectives> collectives;
};

struct CudaCommunicator {
  uint32_t pid = 0;
  cuda_communicator state{};
};

// A process whose calls are counted, whether or not it made any.
struct CudaWatch {
  uint32_t pid = 0;
  uint64_t since_ns = 0;  // CLOCK_MONOTONIC
  std::optional<cuda_totals> totals;  // nullopt: no call yet
};

}  // namespace tacit::event
