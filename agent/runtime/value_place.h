// SPDX-License-Identifier: Apache-2.0
// Where a value lies at an instruction: in a register, or in memory at register + offset. What a
// uprobe's cookie tells the BPF program (bpf/events/value_place.h, bpf/lib/value_place.h).
#pragma once
#include <cstdint>

#include "bpf/events/value_place.h"

namespace tacit::runtime {

// Numbered as x86-64 instructions encode them, and as the cookie carries them.
enum class Register : uint8_t {
  kRax, kRcx, kRdx, kRbx, kRsp, kRbp, kRsi, kRdi, kR8, kR9, kR10, kR11, kR12, kR13, kR14, kR15,
};

struct ValuePlace {
  Register base = Register::kRax;
  bool in_memory = false;
  int32_t offset = 0;

  bool operator==(const ValuePlace&) const = default;
  auto operator<=>(const ValuePlace&) const = default;

  // `flags`: PLACE_FLAG bits for the program.
  uint64_t cookie(uint64_t flags = 0) const {
    return static_cast<uint64_t>(base) | (in_memory ? PLACE_IN_MEMORY : 0) |
           (flags & PLACE_FLAGS) | static_cast<uint64_t>(static_cast<uint32_t>(offset))
                                       << PLACE_OFFSET_SHIFT;
  }
};

// System V: these survive a call.
inline bool is_callee_saved(Register reg) {
  return reg == Register::kRbx || reg == Register::kRbp || reg == Register::kRsp ||
         (reg >= Register::kR12 && reg <= Register::kR15);
}

}  // namespace tacit::runtime
