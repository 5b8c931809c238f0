// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime/instruction.h"

#include <gtest/gtest.h>

#include <vector>

namespace tacit::runtime {
namespace {

Instruction decoded(std::vector<uint8_t> code) {
  const auto bytes = std::as_bytes(std::span(code));
  const auto instruction = decode(bytes, 0x1000);
  EXPECT_TRUE(instruction);
  EXPECT_EQ(instruction->length, code.size());
  return instruction.value_or(Instruction{});
}

TEST(InstructionTest, OnlyWhatTheKernelEmulatesIsCheap) {
  EXPECT_TRUE(decoded({0x55}).emulated);                                // push rbp
  EXPECT_TRUE(decoded({0x41, 0x54}).emulated);                          // push r12
  EXPECT_TRUE(decoded({0x90}).emulated);                                // nop
  EXPECT_TRUE(decoded({0xeb, 0x05}).emulated);                          // jmp
  EXPECT_TRUE(decoded({0xe9, 0, 1, 0, 0}).emulated);                    // jmp
  EXPECT_TRUE(decoded({0x74, 0x05}).emulated);                          // je
  EXPECT_TRUE(decoded({0x0f, 0x86, 0, 1, 0, 0}).emulated);              // jbe
  EXPECT_TRUE(decoded({0xe8, 0, 1, 0, 0}).emulated);                    // call
  EXPECT_FALSE(decoded({0x0f, 0x1f, 0x44, 0x00, 0x00}).emulated);       // 5-byte nop
  EXPECT_FALSE(decoded({0x66, 0x90}).emulated);                         // xchg ax, ax
  EXPECT_FALSE(decoded({0xf3, 0x0f, 0x1e, 0xfa}).emulated);             // endbr64
  EXPECT_FALSE(decoded({0x48, 0x83, 0xec, 0x08}).emulated);             // sub rsp, 8
  EXPECT_FALSE(decoded({0xc3}).emulated);                               // ret
  EXPECT_FALSE(decoded({0xff, 0xd0}).emulated);                         // call rax
  EXPECT_FALSE(decoded({0x66, 0x66, 0x48, 0xe8, 0, 1, 0, 0}).emulated);  // call with prefixes
  EXPECT_FALSE(decoded({0xe3, 0x05}).emulated);                         // jrcxz
  EXPECT_FALSE(decoded({0x6a, 0x01}).emulated);                         // push 1
}

TEST(InstructionTest, FlowAndTargets) {
  const auto je = decoded({0x74, 0x05});
  EXPECT_EQ(je.flow, Flow::kBranch);
  EXPECT_EQ(je.target, 0x1007u);
  EXPECT_EQ(je.next(), 0x1002u);
  EXPECT_TRUE(je.jumps_if_zero);
  EXPECT_TRUE(decoded({0x75, 0x05}).jumps_if_not_zero);
  EXPECT_EQ(decoded({0xe8, 0, 1, 0, 0}).flow, Flow::kCall);
  EXPECT_EQ(decoded({0xe8, 0, 1, 0, 0}).target, 0x1105u);
  EXPECT_EQ(decoded({0xff, 0xd0}).target, 0u);
  EXPECT_EQ(decoded({0xff, 0xe0}).flow, Flow::kUnknown);  // jmp rax
  EXPECT_EQ(decoded({0xc3}).flow, Flow::kReturn);
  EXPECT_EQ(decoded({0x0f, 0x0b}).flow, Flow::kStop);  // ud2
}

TEST(InstructionTest, EffectsThatCarryAValue) {
  const auto move = decoded({0x48, 0x89, 0xd8});  // mov rax, rbx
  EXPECT_EQ(move.effect, Effect::kMove);
  EXPECT_EQ(move.destination, (ValuePlace{.base = Register::kRax}));
  EXPECT_EQ(move.source, (ValuePlace{.base = Register::kRbx}));
  const auto load = decoded({0x48, 0x8b, 0x44, 0x24, 0x18});  // mov rax, [rsp+0x18]
  EXPECT_EQ(load.effect, Effect::kLoad);
  EXPECT_EQ(load.source, (ValuePlace{Register::kRsp, true, 0x18}));
  const auto store = decoded({0x48, 0x89, 0x44, 0x24, 0x18});  // mov [rsp+0x18], rax
  EXPECT_EQ(store.effect, Effect::kStore);
  EXPECT_EQ(store.destination, (ValuePlace{Register::kRsp, true, 0x18}));
  EXPECT_EQ(store.writes, 0u);
  EXPECT_EQ(decoded({0x31, 0xdb}).effect, Effect::kConstant);  // xor ebx, ebx
  EXPECT_EQ(decoded({0x31, 0xdb}).writes, 1u << 3);
  EXPECT_EQ(decoded({0x8b, 0x44, 0x24, 0x18}).effect, Effect::kOther);  // 32 bits are no pointer
  const auto lea = decoded({0x48, 0x8d, 0x3d, 0x10, 0, 0, 0});          // lea rdi, [rip+0x10]
  EXPECT_EQ(lea.effect, Effect::kAddress);
  EXPECT_EQ(lea.address_value, 0x1017u);
  const auto got = decoded({0x48, 0x8b, 0x05, 0x10, 0, 0, 0});  // mov rax, [rip+0x10]
  EXPECT_EQ(got.effect, Effect::kLoadAddress);
  EXPECT_EQ(got.address_value, 0x1017u);
  EXPECT_EQ(decoded({0x64, 0x48, 0x8b, 0x04, 0x25, 0x10, 0, 0, 0}).effect,
            Effect::kOther);  // mov rax, fs:[0x10]
  EXPECT_EQ(decoded({0x48, 0x85, 0xc0}).effect, Effect::kTestSelf);  // test rax, rax
}

TEST(InstructionTest, WhatHappensToTheStack) {
  EXPECT_EQ(decoded({0x55}).stack_change, -8);
  EXPECT_EQ(decoded({0x5b}).stack_change, 8);
  EXPECT_EQ(decoded({0x48, 0x83, 0xec, 0x28}).stack_change, -0x28);
  EXPECT_EQ(decoded({0x48, 0x83, 0xc4, 0x28}).stack_change, 0x28);
  EXPECT_TRUE(decoded({0xc9}).changes_stack_unknown);              // leave
  EXPECT_TRUE(decoded({0x48, 0x89, 0xec}).changes_stack_unknown);  // mov rsp, rbp
  EXPECT_FALSE(decoded({0xe8, 0, 1, 0, 0}).changes_stack_unknown);
}

TEST(InstructionTest, NoInstructionAtAll) {
  EXPECT_FALSE(decode({}, 0));
  const std::vector<uint8_t> cut = {0x48, 0x8b};
  EXPECT_FALSE(decode(std::as_bytes(std::span(cut)), 0));
}

}  // namespace
}  // namespace tacit::runtime
