// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime/site_finder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/runtime/made_elf.h"

namespace tacit::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr ValuePlace kRax{.base = Register::kRax}, kRbx{.base = Register::kRbx};

// Sites as distances from the function's start, and where the result lies there.
Result<std::vector<std::pair<uint64_t, ValuePlace>>> results(std::vector<uint8_t> code) {
  const uint64_t size = code.size();
  const auto image = MadeElf(std::move(code)).open();
  if (!image) return std::unexpected(image.error());
  const auto sites = result_sites(*image, kCode, {.extent = AddressRange{kCode, kCode + size}});
  if (!sites) return std::unexpected(sites.error());
  std::vector<std::pair<uint64_t, ValuePlace>> out;
  for (const auto& site : *sites) {
    EXPECT_EQ(site.file_offset, site.address - kCode + 0x1000);
    out.emplace_back(site.address - kCode, site.result);
  }
  return out;
}

std::string refusal(std::vector<uint8_t> code) {
  const auto sites = results(std::move(code));
  EXPECT_FALSE(sites);
  return sites ? "" : sites.error().message;
}

// call f; mov rbx,rax; test rax,rax; je null; mov [rbx],rdx; end: mov rax,rbx; pop rbx; ret;
// null: xor ebx,ebx; jmp end
const std::vector<uint8_t> kMaker = {0xe8, 0,    1,    0,    0,           // 0
                                     0x48, 0x89, 0xc3,                    // 5
                                     0x48, 0x85, 0xc0,                    // 8
                                     0x74, 0x08,                          // 11
                                     0x48, 0x89, 0x13,                    // 13
                                     0x48, 0x89, 0xd8, 0x5b, 0xc3,        // 16
                                     0x31, 0xdb, 0xeb, 0xf7};             // 21

TEST(ResultSitesTest, TheBranchAfterTheAllocationKnowsTheResult) {
  const auto sites = results(kMaker);
  ASSERT_TRUE(sites) << sites.error().message;
  EXPECT_THAT(*sites, ElementsAre(std::pair(11, kRbx), std::pair(23, kRbx)));
}

TEST(ResultSitesTest, ACallWithPrefixesIsPassedOver) {
  // test rbx,rbx; jne +0; data16 data16 rex.W call f; mov rax,rbx; ret
  const auto sites = results({0x48, 0x85, 0xdb, 0x74, 0x00, 0x66, 0x66, 0x48, 0xe8, 0, 1, 0, 0,
                              0x48, 0x89, 0xd8, 0xc3});
  ASSERT_TRUE(sites) << sites.error().message;
  EXPECT_THAT(*sites, ElementsAre(std::pair(3, kRbx)));
}

TEST(ResultSitesTest, ATailJumpLeadsIntoTheOtherFunction) {
  // jmp +3; ud2; nop; push rax; mov rax,rbx; pop rcx; ret
  const auto sites = results({0xeb, 0x03, 0x0f, 0x0b, 0x90, 0x50, 0x48, 0x89, 0xd8, 0x59, 0xc3});
  ASSERT_TRUE(sites) << sites.error().message;
  EXPECT_THAT(*sites, ElementsAre(std::pair(5, kRbx)));
}

TEST(ResultSitesTest, WhatWasTestedToBeNullHasNoSite) {
  // Over the branch comes null; on its other side the call knows the result.
  const auto sites = results({0x48, 0x89, 0xc3,              // mov rbx,rax
                              0x48, 0x85, 0xc0,              // test rax,rax
                              0x74, 0x05,                    // je end
                              0xe8, 0,    1,    0,    0,     // call f
                              0x48, 0x89, 0xd8, 0xc3});      // end: mov rax,rbx; ret
  ASSERT_TRUE(sites) << sites.error().message;
  EXPECT_THAT(*sites, ElementsAre(std::pair(8, kRbx)));
}

TEST(ResultSitesTest, ASlotOfTheStackIsFollowedOverPushesAndPops) {
  // jmp +0; mov rax,[rsp+0x18]; add rsp,0x20; ret
  const auto sites =
      results({0xeb, 0x00, 0x48, 0x83, 0xec, 0x10, 0x48, 0x8b, 0x44, 0x24, 0x18, 0x48, 0x83, 0xc4,
               0x10, 0xc3});
  ASSERT_TRUE(sites) << sites.error().message;
  EXPECT_THAT(*sites, ElementsAre(std::pair(0, ValuePlace{Register::kRsp, true, 0x08})));
}

TEST(ResultSitesTest, AResultThatIsPassedOnIsTheCalledFunctions) {
  // call f; add rsp,8; ret; f: jmp +0; ret
  const auto sites = results({0xe8, 5, 0, 0, 0, 0x48, 0x83, 0xc4, 0x08, 0xc3, 0xeb, 0x00, 0xc3});
  ASSERT_TRUE(sites) << sites.error().message;
  EXPECT_THAT(*sites, ElementsAre(std::pair(10, kRax)));
}

TEST(ResultSitesTest, RefusesWhatItCannotFollow) {
  EXPECT_THAT(refusal({0xeb, 0x00, 0x48, 0x8b, 0x03, 0xc3}), HasSubstr("computed"));  // mov rax,[rbx]
  EXPECT_THAT(refusal({0xff, 0xd0, 0xc3}), HasSubstr("straight from the call"));      // call rax
  EXPECT_THAT(refusal({0xff, 0xe0}), HasSubstr("indirect jump"));
  EXPECT_THAT(refusal({0x48, 0x89, 0xd8, 0xc3}), HasSubstr("entry"));  // nothing cheap
  EXPECT_THAT(refusal({0x06, 0xc3}), HasSubstr("decoded"));            // no instruction
  EXPECT_THAT(refusal({0x31, 0xc0, 0xc3}), HasSubstr("never returns"));  // always null
  EXPECT_THAT(refusal({0xeb, 0xfe}), HasSubstr("never returns"));        // never returns at all
}

TEST(ResultSitesTest, ASlotWhoseAddressWasTakenIsNotKnownBeforeACall) {
  // jmp +0; lea rdi,[rsp+8]; call f (prefixed); mov rax,[rsp+8]; ret
  EXPECT_THAT(refusal({0xeb, 0x00, 0x48, 0x8d, 0x7c, 0x24, 0x08, 0x66, 0x66, 0x48, 0xe8, 0, 1, 0, 0,
                       0x48, 0x8b, 0x44, 0x24, 0x08, 0xc3}),
              HasSubstr("may change its result"));
}

Result<EntrySite> entry(std::vector<uint8_t> code, std::vector<Register> arguments) {
  const auto image = MadeElf(std::move(code)).open();
  if (!image) return std::unexpected(image.error());
  return entry_site(*image, kCode, arguments);
}

TEST(EntrySiteTest, StepsOverEndbrAndFollowsArguments) {
  // endbr64; mov rsi,rdi; mov rdi,[rip+0]; jmp
  const auto site = entry({0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x89, 0xfe, 0x48, 0x8b, 0x3d, 0, 0, 0, 0,
                           0xeb, 0x00},
                          {Register::kRdi});
  ASSERT_TRUE(site) << site.error().message;
  EXPECT_EQ(site->address, kCode + 14);
  EXPECT_EQ(site->file_offset, 0x1000u + 14);
  EXPECT_THAT(site->arguments, ElementsAre(ValuePlace{.base = Register::kRsi}));
}

TEST(EntrySiteTest, TheStackCheckOfGoEndsInABranch) {
  // cmp rsp,[r14+16]; jbe
  const auto site = entry({0x49, 0x3b, 0x66, 0x10, 0x76, 0x10}, {Register::kRax, Register::kRbx});
  ASSERT_TRUE(site) << site.error().message;
  EXPECT_EQ(site->address, kCode + 4);
  EXPECT_THAT(site->arguments, ElementsAre(kRax, kRbx));
}

TEST(EntrySiteTest, RefusesLostArgumentsAndFunctionsWithoutACheapStart) {
  const auto lost = entry({0x31, 0xff, 0x55}, {Register::kRdi});  // xor edi,edi; push rbp
  ASSERT_FALSE(lost);
  EXPECT_THAT(lost.error().message, HasSubstr("an argument is gone"));
  const auto none = entry({0x48, 0x83, 0xec, 0x08, 0xc3}, {});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("no cheap instruction"));
}

}  // namespace
}  // namespace tacit::runtime
