// SPDX-License-Identifier: Apache-2.0
// What calls of CUDA and NCCL and their results are called. Any thread.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "bpf/events/cuda_call.h"

namespace tacit::gpu {

// "cudaMalloc"; "unknown" for a number that is no call's.
std::string_view call_name(uint32_t call);

// As the call's own API names it ("cudaErrorMemoryAllocation", "CUDA_ERROR_OUT_OF_MEMORY",
// "ncclSystemError"); the number in digits where it is none that we know.
std::string error_name(uint32_t call, int32_t code);

bool is_out_of_memory(uint32_t call, int32_t code);

}  // namespace tacit::gpu
