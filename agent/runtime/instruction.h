// SPDX-License-Identifier: Apache-2.0
// One x86-64 instruction, reduced to what the search for probe sites asks of it. The only file that
// knows the disassembler is instruction.cpp.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "agent/runtime/value_place.h"

namespace tacit::runtime {

enum class Flow {
  kNext,            // goes on behind it
  kJump,            // to `target`
  kBranch,          // to `target` or on
  kCall,            // calls `target` (0: not known) and goes on
  kReturn,
  kUnknown,         // an indirect jump
  kStop,            // never goes on: hlt, ud2, int3
};

enum class Effect {
  kOther,
  kMove,      // destination = source, whole 64-bit values
  kLoad,      // destination = [source]: 64 bits at a register and an offset (pop: at rsp)
  kStore,     // [destination] = source
  kAdd,       // destination = source.base + source.offset (lea)
  kConstant,  // destination = address_value (mov imm, xor r,r; 32-bit forms too)
  kAddress,   // destination = address_value (lea of a rip-relative place)
  kLoadAddress,  // destination = [address_value] (rip-relative or absolute)
  kTestSelf,  // test r,r of 64 bits: destination is the register
};

struct Instruction {
  uint64_t address = 0;
  uint8_t length = 0;
  Flow flow = Flow::kNext;
  uint64_t target = 0;
  // The kernel emulates it under a uprobe instead of stepping over it (arch/x86/kernel/uprobes.c):
  // push, 1-byte nop, direct jmp, jcc and call without prefixes. Only these are cheap.
  bool emulated = false;
  bool jumps_if_zero = false;      // je
  bool jumps_if_not_zero = false;  // jne
  Effect effect = Effect::kOther;
  // kMove, kLoad or kStore of the lower 32 bits (effect is kOther): destination and source are set.
  Effect effect_32 = Effect::kOther;
  uint8_t condition = 0;  // kBranch: as encoded, 0 (jo) to 15 (jg)
  ValuePlace destination;
  ValuePlace source;
  // A memory operand's absolute address (rip-relative ones too), a lea's, or a constant.
  uint64_t address_value = 0;
  bool has_address = false;   // a memory operand's or lea's
  uint16_t writes = 0;           // bit n: register n changes in any part
  int32_t stack_change = 0;      // what it adds to rsp; call and ret count as 0
  bool changes_stack_unknown = false;  // rsp changes in a way not followed
  uint64_t next() const { return address + length; }
};

// Decodes the instruction at the start of `code`; nullopt: not an instruction.
std::optional<Instruction> decode(std::span<const std::byte> code, uint64_t address);

// Whether this build can decode instructions (x86-64 targets only).
inline constexpr bool kCanDecode =
#if defined(__x86_64__)
    true;
#else
    false;
#endif

}  // namespace tacit::runtime
