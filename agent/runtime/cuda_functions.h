// SPDX-License-Identifier: Apache-2.0
// The exported functions of CUDA's runtime and driver and of NCCL that are probed, and how their
// arguments are to be read (cuda_runtime_api.h, cuda.h, nccl.h; System V).
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "bpf/events/cuda.h"

namespace tacit::runtime {

struct CudaFunction {
  // How its result is seen.
  enum class Result : uint8_t {
    kFailures,  // called too often for a probe at its end: only what the runtime remembers as failed
    kCheap,     // where a cheap instruction knows it
    kAlways,    // it is rare and slow itself, so its end may be stepped over (some µs)
  };
  std::string_view symbol;
  cuda_call call = CUDA_CALL_NONE;
  cuda_action action = CUDA_ACTION_NONE;
  Result result = Result::kFailures;
  // Numbers of arguments, 0 to 6.
  uint8_t size = CUDA_NO_ARGUMENT;
  uint8_t pointer = CUDA_NO_ARGUMENT;
  uint8_t kind = CUDA_NO_ARGUMENT;
  uint8_t subject = CUDA_NO_ARGUMENT;
  uint8_t detail = 0;
  bool is_handle = false;

  bool is_nccl() const { return symbol.starts_with("nccl"); }
  bool is_driver() const { return symbol.starts_with("cu") && !symbol.starts_with("cuda"); }
  bool is_memory() const { return action == CUDA_ACTION_ALLOCATE || action == CUDA_ACTION_FREE; }
};

std::span<const CudaFunction> cuda_functions();

}  // namespace tacit::runtime
