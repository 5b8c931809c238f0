// SPDX-License-Identifier: Apache-2.0
#include "cupti/name_table.h"

#include <gtest/gtest.h>

#include <string>

namespace tacit::cupti {
namespace {

struct NameTableTest : testing::Test {
  void SetUp() override { ASSERT_TRUE(table.map()); }
  std::string text(uint32_t number) {
    const NameText kept = table.text(number);
    return std::string(kept.text == nullptr ? "" : kept.text, kept.length);
  }
  NameTable table;
};

TEST_F(NameTableTest, OneNumberPerText) {
  const std::string first = "gemm", again = "gemm", other = "relu";
  EXPECT_EQ(table.intern(first.c_str()), 1u);
  EXPECT_EQ(table.intern(other.c_str()), 2u);
  EXPECT_EQ(table.intern(again.c_str()), 1u);
  EXPECT_EQ(table.intern(first.c_str()), 1u);
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(text(1), "gemm");
  EXPECT_EQ(text(2), "relu");
}

TEST_F(NameTableTest, NoNameHasNoNumber) {
  EXPECT_EQ(table.intern(nullptr), 0u);
  EXPECT_EQ(table.intern(""), 0u);
  EXPECT_EQ(table.text(0).text, nullptr);
  EXPECT_EQ(table.text(1).text, nullptr);
}

// A module was unloaded, and its memory holds another name now.
TEST_F(NameTableTest, AnAddressMayHoldAnotherTextLater) {
  char memory[16] = "gemm";
  EXPECT_EQ(table.intern(memory), 1u);
  std::snprintf(memory, sizeof(memory), "relu");
  EXPECT_EQ(table.intern(memory), 2u);
  std::snprintf(memory, sizeof(memory), "gemm2");
  EXPECT_EQ(table.intern(memory), 3u);
}

TEST_F(NameTableTest, LongNamesAreCut) {
  const std::string longest(GPU_NAME_BYTES, 'x'), longer(GPU_NAME_BYTES + 5, 'x');
  const uint32_t number = table.intern(longest.c_str());
  EXPECT_EQ(text(number), longest);
  EXPECT_EQ(table.intern(longer.c_str()), number);
}

TEST_F(NameTableTest, WhatComesAfterTheLastNumberHasNone) {
  for (uint32_t at = 0; at < NameTable::kNames; ++at)
    ASSERT_EQ(table.intern(("kernel" + std::to_string(at)).c_str()), at + 1);
  EXPECT_EQ(table.intern("one more"), 0u);
  EXPECT_EQ(table.intern("kernel17"), 18u);
  EXPECT_EQ(table.size(), NameTable::kNames);
}

TEST_F(NameTableTest, TextIsBounded) {
  const std::string tail(GPU_NAME_BYTES - 5, 'x');
  uint32_t kept = 0;
  for (uint32_t at = 0; at < NameTable::kNames; ++at)
    if (table.intern((std::to_string(10000 + at) + tail).c_str()) != 0) ++kept;
  EXPECT_EQ(kept, NameTable::kTextBytes / (GPU_NAME_BYTES + 1));
}

}  // namespace
}  // namespace tacit::cupti
