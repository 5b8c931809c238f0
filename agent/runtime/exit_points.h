// SPDX-License-Identifier: Apache-2.0
// Where a function that returns a number (int, an enum) is about to return it: for each way to a RET
// one instruction from which on control only goes there, and the place of the result at it. Unlike
// result_sites(), what is there is the result for certain; ways with a constant have a point too.
// Reads code alone; x86-64 (elsewhere always an Error).
#pragma once
#include <cstdint>
#include <vector>

#include "agent/base/result.h"
#include "agent/runtime/elf_image.h"
#include "agent/runtime/value_place.h"

namespace tacit::runtime {

struct ExitPoint {
  uint64_t address = 0;
  uint64_t file_offset = 0;
  ValuePlace result;
  bool emulated = false;  // cheap; else the kernel steps over it
  // A conditional jump after which the function returns this only on one of its ways.
  enum class Way : uint8_t { kAny, kTaken, kNotTaken } way = Way::kAny;
  uint8_t condition = 0;  // Instruction::condition, where `way` is not kAny

  uint64_t cookie(uint64_t call, bool is_nccl) const;  // CUDA_EXIT_… in bpf/events/cuda.h
};

// Sorted by address. Where the result is that of a direct call, the points of the called function.
Result<std::vector<ExitPoint>> exit_points(const ElfImage& image, uint64_t function);

}  // namespace tacit::runtime
