// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime/method_table.h"

#include <gtest/gtest.h>

#include <array>

#include "agent/runtime/code_references.h"
#include "tests/unit/runtime/made_elf.h"

namespace tacit::runtime {
namespace {

void append_word(std::vector<uint8_t>& data, uint64_t word) {
  for (int i = 0; i < 8; ++i) data.push_back(static_cast<uint8_t>(word >> (8 * i)));
}

void append_entry(std::vector<uint8_t>& data, uint64_t name, uint64_t function, uint32_t flags) {
  append_word(data, name);
  append_word(data, function);
  append_word(data, flags);
  append_word(data, 0);
}

TEST(MethodTableTest, FindsTheTableThatHasThemAll) {
  // "my_get\0put\0": get is the end of a longer name.
  std::vector<uint8_t> data = {'m', 'y', '_', 'g', 'e', 't', 0, 'p', 'u', 't', 0, 0, 0, 0, 0, 0};
  append_entry(data, kData + 3, kCode, 0x80);       // get, without a put beside it
  append_entry(data, 0, 0, 0);
  append_entry(data, kData + 7, kCode + 1, 0x82);   // put
  append_entry(data, kData, kCode + 2, 0x4);        // my_get
  append_entry(data, kData + 3, kCode + 3, 0x282);  // get
  append_entry(data, 0, 0, 0);
  const auto image = MadeElf({0x90, 0x90, 0x90, 0xc3}, data).open();
  ASSERT_TRUE(image) << image.error().message;
  const std::array<std::string_view, 2> names = {"get", "put"};
  const auto tables = find_methods(*image, names);
  ASSERT_EQ(tables.size(), 1u);
  EXPECT_EQ(tables[0][0].name, "get");
  EXPECT_EQ(tables[0][0].function, kCode + 3);
  EXPECT_EQ(tables[0][0].flags, 0x282u);
  EXPECT_EQ(tables[0][1].function, kCode + 1);
  const std::array<std::string_view, 1> absent = {"pop"};
  EXPECT_TRUE(find_methods(*image, absent).empty());
}

TEST(CodeReferencesTest, RelativeAndAbsoluteFieldsAnywhere) {
  std::vector<uint8_t> code(200'000, 0x90);
  const auto put = [&](size_t at, uint32_t field) { std::memcpy(code.data() + at, &field, 4); };
  const uint64_t target = kCode + 7;
  put(3, static_cast<uint32_t>(target));
  const size_t relative[] = {65533, 65541, 131069, 199'996};  // across and beside the chunks' ends
  for (const size_t at : relative) put(at, static_cast<uint32_t>(target - (kCode + at + 4)));
  const auto image = MadeElf(code).open();
  ASSERT_TRUE(image) << image.error().message;
  const std::array targets = {target};
  EXPECT_EQ(code_references(*image, targets),
            (std::vector<uint64_t>{kCode + 3, kCode + 65533, kCode + 65541, kCode + 131069,
                                   kCode + 199'996}));
}

TEST(CodeReferencesTest, WhatIsCalledWithAValue) {
  // mov edi,kData; call +16; mov rdx,rdi (lost); call +32; mov edx,kData; mov rdi,rdx; call +48; ret
  const auto low = static_cast<uint8_t>(kData), next = static_cast<uint8_t>(kData >> 8),
             high = static_cast<uint8_t>(kData >> 16);
  const std::vector<uint8_t> code = {0xbf, low,  next, high, 0,           // 0
                                     0xe8, 16,   0,    0,    0,           // 5
                                     0x48, 0x89, 0xfa,                    // 10
                                     0xe8, 32,   0,    0,    0,           // 13
                                     0xba, low,  next, high, 0,           // 18
                                     0x48, 0x89, 0xd7,                    // 23
                                     0xe8, 48,   0,    0,    0,    0xc3};  // 26
  const auto image = MadeElf(code).open();
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(called_with(*image, {kCode, kCode + code.size()}, {kData}, {}),
            (std::set<uint64_t>{kCode + 10 + 16, kCode + 31 + 48}));
}

}  // namespace
}  // namespace tacit::runtime
