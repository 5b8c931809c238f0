// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime/instruction.h"

#if defined(__x86_64__)
#include <Zydis/Zydis.h>
#endif

namespace tacit::runtime {

#if defined(__x86_64__)
namespace {

struct Decoded {
  ZydisDecodedInstruction instruction;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

std::optional<Register> general_register(ZydisRegister reg) {
  const auto whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
  if (whole < ZYDIS_REGISTER_RAX || whole > ZYDIS_REGISTER_R15) return std::nullopt;
  return static_cast<Register>(whole - ZYDIS_REGISTER_RAX);
}

bool is_register(const ZydisDecodedOperand& operand, uint16_t bits) {
  return operand.type == ZYDIS_OPERAND_TYPE_REGISTER && operand.size == bits &&
         general_register(operand.reg.value);
}

ValuePlace register_place(const ZydisDecodedOperand& operand) {
  return {.base = *general_register(operand.reg.value)};
}

// [register + offset] without more; the place where a 64-bit value may be kept.
std::optional<ValuePlace> memory_place(const ZydisDecodedOperand& operand) {
  if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY) return std::nullopt;
  const auto& memory = operand.mem;
  if (memory.index != ZYDIS_REGISTER_NONE) return std::nullopt;
  if (memory.segment == ZYDIS_REGISTER_FS || memory.segment == ZYDIS_REGISTER_GS)
    return std::nullopt;
  if (memory.base < ZYDIS_REGISTER_RAX || memory.base > ZYDIS_REGISTER_R15) return std::nullopt;
  const int64_t offset = memory.disp.has_displacement ? memory.disp.value : 0;
  if (offset != static_cast<int32_t>(offset)) return std::nullopt;
  return ValuePlace{.base = *general_register(memory.base),
                    .in_memory = true,
                    .offset = static_cast<int32_t>(offset)};
}

bool is_nop_byte(const Decoded& d, std::span<const std::byte> code) {
  return d.instruction.length == 1 && std::to_integer<uint8_t>(code[0]) == 0x90;
}

// branch_setup_xol_ops() and push_setup_xol_ops(). Prefixes other than the REX.B of push r8-r15
// are refused by the kernel or stepped over slowly.
bool is_emulated(const Decoded& d, std::span<const std::byte> code) {
  if (is_nop_byte(d, code)) return true;
  const auto& instruction = d.instruction;
  const uint8_t first = std::to_integer<uint8_t>(code[0]);
  if (first >= 0x50 && first <= 0x57) return instruction.length == 1;
  if (first == 0x41 && instruction.length == 2)
    return (std::to_integer<uint8_t>(code[1]) & 0xf8) == 0x50;
  if (instruction.raw.prefix_count != 0) return false;
  if (first == 0xe8 || first == 0xe9 || first == 0xeb) return true;
  if (first >= 0x70 && first <= 0x7f) return true;
  return first == 0x0f && code.size() > 1 && (std::to_integer<uint8_t>(code[1]) & 0xf0) == 0x80;
}

Flow flow_of(const Decoded& d) {
  const bool direct = d.operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
  switch (d.instruction.meta.category) {
    case ZYDIS_CATEGORY_CALL: return Flow::kCall;
    case ZYDIS_CATEGORY_RET: return Flow::kReturn;
    case ZYDIS_CATEGORY_UNCOND_BR: return direct ? Flow::kJump : Flow::kUnknown;
    case ZYDIS_CATEGORY_COND_BR: return direct ? Flow::kBranch : Flow::kUnknown;
    default: break;
  }
  switch (d.instruction.mnemonic) {
    case ZYDIS_MNEMONIC_HLT:
    case ZYDIS_MNEMONIC_UD0:
    case ZYDIS_MNEMONIC_UD1:
    case ZYDIS_MNEMONIC_UD2:
    case ZYDIS_MNEMONIC_INT3: return Flow::kStop;
    default: return Flow::kNext;
  }
}

// Values of 32 bits: results that are numbers.
void set_move_32(const Decoded& d, Instruction& out) {
  const auto &to = d.operands[0], &from = d.operands[1];
  if (is_register(to, 32) && is_register(from, 32)) {
    out.effect_32 = Effect::kMove;
    out.destination = register_place(to);
    out.source = register_place(from);
  } else if (is_register(to, 32) && memory_place(from)) {
    out.effect_32 = Effect::kLoad;
    out.destination = register_place(to);
    out.source = *memory_place(from);
  } else if (memory_place(to) && is_register(from, 32)) {
    out.effect_32 = Effect::kStore;
    out.destination = *memory_place(to);
    out.source = register_place(from);
  }
}

void set_move(const Decoded& d, Instruction& out) {
  const auto &to = d.operands[0], &from = d.operands[1];
  if (from.type == ZYDIS_OPERAND_TYPE_IMMEDIATE && to.type == ZYDIS_OPERAND_TYPE_REGISTER &&
      to.size >= 32 && general_register(to.reg.value)) {
    out.effect = Effect::kConstant;
    out.destination = register_place(to);
    out.address_value = from.imm.value.u;
  } else if (is_register(to, 64) && is_register(from, 64)) {
    out.effect = Effect::kMove;
    out.destination = register_place(to);
    out.source = register_place(from);
  } else if (is_register(to, 64) && memory_place(from)) {
    out.effect = Effect::kLoad;
    out.destination = register_place(to);
    out.source = *memory_place(from);
  } else if (is_register(to, 64) && out.has_address) {
    out.effect = Effect::kLoadAddress;
    out.destination = register_place(to);
  } else if (memory_place(to) && is_register(from, 64)) {
    out.effect = Effect::kStore;
    out.destination = *memory_place(to);
    out.source = register_place(from);
  } else {
    set_move_32(d, out);
  }
}

void set_lea(const Decoded& d, Instruction& out) {
  const auto &to = d.operands[0], &from = d.operands[1];
  if (!is_register(to, 64)) return;
  if (out.has_address) {
    out.effect = Effect::kAddress;
    out.destination = register_place(to);
  } else if (const auto place = memory_place(from)) {
    out.effect = Effect::kAdd;
    out.destination = register_place(to);
    out.source = *place;
    if (out.destination.base == Register::kRsp && place->base == Register::kRsp) {
      out.stack_change = place->offset;
      out.changes_stack_unknown = false;
    }
  }
}

bool same_registers(const Decoded& d) {
  const auto &a = d.operands[0], &b = d.operands[1];
  return a.type == ZYDIS_OPERAND_TYPE_REGISTER && b.type == ZYDIS_OPERAND_TYPE_REGISTER &&
         a.reg.value == b.reg.value && general_register(a.reg.value);
}

void set_arithmetic(const Decoded& d, Instruction& out) {
  const auto &to = d.operands[0], &from = d.operands[1];
  const bool minus = d.instruction.mnemonic == ZYDIS_MNEMONIC_SUB;
  if (!is_register(to, 64) || from.type != ZYDIS_OPERAND_TYPE_IMMEDIATE) return;
  if (*general_register(to.reg.value) != Register::kRsp) return;
  const int64_t amount = minus ? -from.imm.value.s : from.imm.value.s;
  if (amount != static_cast<int32_t>(amount)) return;
  out.stack_change = static_cast<int32_t>(amount);
  out.changes_stack_unknown = false;
}

void set_pop(const Decoded& d, Instruction& out) {
  out.stack_change = 8;
  out.changes_stack_unknown = false;
  if (!is_register(d.operands[0], 64)) return;
  out.effect = Effect::kLoad;
  out.destination = register_place(d.operands[0]);
  out.source = {.base = Register::kRsp, .in_memory = true};
}

void set_effect(const Decoded& d, Instruction& out) {
  switch (d.instruction.mnemonic) {
    case ZYDIS_MNEMONIC_MOV: return set_move(d, out);
    case ZYDIS_MNEMONIC_LEA: return set_lea(d, out);
    case ZYDIS_MNEMONIC_ADD:
    case ZYDIS_MNEMONIC_SUB: return set_arithmetic(d, out);
    case ZYDIS_MNEMONIC_POP: return set_pop(d, out);
    case ZYDIS_MNEMONIC_PUSH:
      out.stack_change = -8;
      out.changes_stack_unknown = false;
      return;
    case ZYDIS_MNEMONIC_CALL:
    case ZYDIS_MNEMONIC_RET: out.changes_stack_unknown = false; return;
    case ZYDIS_MNEMONIC_XOR:
      if (!same_registers(d) || d.operands[0].size < 32) return;
      out.effect = Effect::kConstant;
      out.destination = register_place(d.operands[0]);
      return;
    case ZYDIS_MNEMONIC_TEST:
      if (!same_registers(d) || d.operands[0].size != 64) return;
      out.effect = Effect::kTestSelf;
      out.destination = register_place(d.operands[0]);
      return;
    default: return;
  }
}

void set_addresses(const Decoded& d, Instruction& out) {
  for (uint8_t i = 0; i < d.instruction.operand_count; ++i) {
    const auto& operand = d.operands[i];
    if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER &&
        (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0)
      if (const auto reg = general_register(operand.reg.value))
        out.writes |= static_cast<uint16_t>(1U << static_cast<unsigned>(*reg));
    if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY || out.has_address) continue;
    const bool absolute =
        operand.mem.base == ZYDIS_REGISTER_RIP ||
        (operand.mem.base == ZYDIS_REGISTER_NONE && operand.mem.index == ZYDIS_REGISTER_NONE);
    if (!absolute || operand.mem.segment == ZYDIS_REGISTER_FS) continue;
    out.has_address = ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&d.instruction, &operand, out.address,
                                                            &out.address_value));
  }
}

}  // namespace

std::optional<Instruction> decode(std::span<const std::byte> code, uint64_t address) {
  if (code.empty()) return std::nullopt;
  ZydisDecoder decoder;
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  Decoded d;
  if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code.data(), code.size(), &d.instruction,
                                           d.operands)))
    return std::nullopt;
  Instruction out;
  out.address = address;
  out.length = d.instruction.length;
  out.flow = flow_of(d);
  out.emulated = is_emulated(d, code);
  if (out.flow == Flow::kJump || out.flow == Flow::kBranch || out.flow == Flow::kCall) {
    if (d.operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
      ZydisCalcAbsoluteAddress(&d.instruction, &d.operands[0], address, &out.target);
    // jcc rel8: 70+cc; rel32: 0f 80+cc
    out.condition = std::to_integer<uint8_t>(code[d.instruction.length > 2 ? 1 : 0]) & 0xf;
    out.jumps_if_zero = d.instruction.mnemonic == ZYDIS_MNEMONIC_JZ;
    out.jumps_if_not_zero = d.instruction.mnemonic == ZYDIS_MNEMONIC_JNZ;
  }
  set_addresses(d, out);
  out.changes_stack_unknown = (out.writes & (1U << static_cast<unsigned>(Register::kRsp))) != 0;
  set_effect(d, out);
  return out;
}

#else  // other architectures: nothing is decoded, so no site is ever found

std::optional<Instruction> decode(std::span<const std::byte>, uint64_t) { return std::nullopt; }

#endif

}  // namespace tacit::runtime
