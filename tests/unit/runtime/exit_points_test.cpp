// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime/exit_points.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/runtime/last_error.h"
#include "bpf/events/cuda.h"
#include "tests/unit/runtime/made_elf.h"

namespace tacit::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Way = ExitPoint::Way;

constexpr ValuePlace kRax{.base = Register::kRax};

// A point without what follows from its address.
struct Point {
  uint64_t distance;  // from the function's start
  ValuePlace result;
  bool emulated;
  Way way;
  bool operator==(const Point&) const = default;
};

Result<std::vector<Point>> points(std::vector<uint8_t> code) {
  const auto image = MadeElf(std::move(code)).open();
  if (!image) return std::unexpected(image.error());
  const auto found = exit_points(*image, kCode);
  if (!found) return std::unexpected(found.error());
  std::vector<Point> out;
  for (const auto& each : *found) {
    EXPECT_EQ(each.file_offset, each.address - kCode + 0x1000);
    out.push_back({each.address - kCode, each.result, each.emulated, each.way});
  }
  return out;
}

TEST(ExitPointsTest, AConditionalJumpCountsOnlyOnTheWayToTheReturn) {
  // test edi,edi; mov eax,4; je end; mov eax,esi; jmp end; end: ret
  const auto found = points({0x85, 0xff, 0xb8, 4, 0, 0, 0, 0x74, 0x04, 0x89, 0xf0, 0xeb, 0x00, 0xc3});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(*found, ElementsAre(Point{7, kRax, true, Way::kTaken}, Point{11, kRax, true, Way::kAny}));
}

TEST(ExitPointsTest, BothWaysOfAJumpAreAny) {
  // jne +0; ret
  const auto found = points({0x75, 0x00, 0xc3});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(*found, ElementsAre(Point{0, kRax, true, Way::kAny}));
}

TEST(ExitPointsTest, WhatMayChangeTheResultIsNotPassed) {
  // push rbp; nop; mov eax,[rdi]; pop rbp; ret: behind the load only slow instructions know it
  const auto found = points({0x55, 0x90, 0x8b, 0x07, 0x5d, 0xc3});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(*found, ElementsAre(Point{4, kRax, false, Way::kAny}));
}

TEST(ExitPointsTest, AValueThatOnlyOneWayKeepsIsNotCertain) {
  // mov ebx,eax; nop; test edi,edi; je other; jmp end; other: mov ebx,[rdi]; end: mov eax,ebx; ret
  const auto found = points({0x89, 0xc3, 0x90, 0x85, 0xff, 0x74, 0x02, 0xeb, 0x02, 0x8b, 0x1f, 0x89,
                             0xd8, 0xc3});
  ASSERT_TRUE(found) << found.error().message;
  const ValuePlace rbx{.base = Register::kRbx};
  EXPECT_THAT(*found, ElementsAre(Point{7, rbx, true, Way::kAny}, Point{11, rbx, false, Way::kAny}));
}

TEST(ExitPointsTest, ASlotOfTheFrame) {
  // push rbp; mov rbp,rsp; mov [rbp-8],edi; nop; mov eax,[rbp-8]; pop rbp; ret
  const auto found = points({0x55, 0x48, 0x89, 0xe5, 0x89, 0x7d, 0xf8, 0x90, 0x8b, 0x45, 0xf8, 0x5d,
                             0xc3});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_THAT(*found, ElementsAre(Point{7, {Register::kRbp, true, -8}, true, Way::kAny}));
}

TEST(ExitPointsTest, AResultThatIsPassedOn) {
  // call f; ret; int3; f: nop; ret
  const auto cheap = points({0xe8, 2, 0, 0, 0, 0xc3, 0xcc, 0x90, 0xc3});
  ASSERT_TRUE(cheap) << cheap.error().message;
  EXPECT_THAT(*cheap, ElementsAre(Point{7, kRax, true, Way::kAny}));
  // Where f has no cheap one, nothing in f is touched: f may have other callers.
  const auto slow = points({0xe8, 2, 0, 0, 0, 0xc3, 0xcc, 0x8b, 0x07, 0xc3});
  ASSERT_TRUE(slow) << slow.error().message;
  EXPECT_THAT(*slow, ElementsAre(Point{5, kRax, false, Way::kAny}));
}

TEST(ExitPointsTest, RefusesWhatItCannotFollow) {
  const auto jump = points({0xff, 0xe0});
  ASSERT_FALSE(jump);
  EXPECT_THAT(jump.error().message, HasSubstr("indirect jump"));
  const auto endless = points({0xeb, 0xfe});
  ASSERT_FALSE(endless);
  EXPECT_THAT(endless.error().message, HasSubstr("never returns"));
}

TEST(ExitPointsTest, TheCookieTellsTheWay) {
  const ExitPoint point{.result = {Register::kRbp, true, -4}, .way = Way::kNotTaken, .condition = 5};
  EXPECT_EQ(point.cookie(7, true),
            (0xfffffffcULL << 32) | CUDA_EXIT_IS_NCCL | CUDA_EXIT_IF_NOT_TAKEN | 5 << 16 | 7 << 8 |
                PLACE_IN_MEMORY | 5);
}

// peek calls reader; failing calls inner, which calls setter.
std::vector<uint8_t> remembering(uint8_t stored_at) {
  std::vector<uint8_t> code(0x60, 0xcc);
  const auto put = [&](size_t at, std::initializer_list<uint8_t> bytes) {
    std::copy(bytes.begin(), bytes.end(), code.begin() + static_cast<ptrdiff_t>(at));
  };
  put(0x00, {0xe8, 0x1b, 0, 0, 0, 0xc3});                     // peek: call reader; ret
  put(0x20, {0x8b, 0x87, 0x80, 0, 0, 0, 0xc3});               // reader: mov eax,[rdi+0x80]; ret
  put(0x30, {0xe8, 0x0b, 0, 0, 0, 0xc3});                     // failing: call inner; ret
  put(0x40, {0x90, 0xe8, 0x0a, 0, 0, 0, 0xc3});               // inner: nop; call setter; ret
  put(0x50, {0x89, 0xb7, stored_at, 0, 0, 0, 0xc3});          // setter: mov [rdi+N],esi; ret
  return code;
}

TEST(LastErrorTest, TheFunctionThatStoresWherePeekReads) {
  const auto image = MadeElf(remembering(0x80)).open();
  ASSERT_TRUE(image) << image.error().message;
  const auto setter = find_error_setter(*image, kCode, kCode + 0x30);
  ASSERT_EQ(setter, kCode + 0x50);
  SetterCalls calls(*image, *setter);
  EXPECT_THAT(calls.of(kCode + 0x30), ElementsAre(kCode + 0x41));
  EXPECT_THAT(calls.of(kCode), ElementsAre());
}

TEST(LastErrorTest, AnotherFieldIsNoneOfIt) {
  const auto image = MadeElf(remembering(0x7c)).open();
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(find_error_setter(*image, kCode, kCode + 0x30), std::nullopt);
}

}  // namespace
}  // namespace tacit::runtime
