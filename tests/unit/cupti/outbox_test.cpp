// SPDX-License-Identifier: Apache-2.0
#include "cupti/outbox.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tacit::cupti {
namespace {

struct OutboxTest : testing::Test {
  void SetUp() override { ASSERT_TRUE(outbox.map()); }
  Outbox::Appended append(const char* name, uint32_t correlation = 0) {
    Outbox::Entry entry{};
    entry.record.kind = GPU_RECORD_KERNEL;
    entry.record.correlation = correlation;
    entry.name = name;
    return outbox.append(&entry, 1);
  }
  Outbox outbox;
};

TEST_F(OutboxTest, EmptyGivesNothing) {
  EXPECT_EQ(outbox.take(false), nullptr);
  EXPECT_EQ(outbox.take(true), nullptr);
}

TEST_F(OutboxTest, ANameComesOnceBeforeItsFirstRecord) {
  const std::string name(70, 'n');
  append(name.c_str(), 1);
  append(name.c_str(), 2);
  EXPECT_EQ(outbox.take(false), nullptr);
  GpuBlock* block = outbox.take(true);
  ASSERT_NE(block, nullptr);
  ASSERT_EQ(block->header.slots, 5u);  // name, its text in two, two records
  EXPECT_EQ(block->slots[0].record.kind, GPU_RECORD_NAME);
  EXPECT_EQ(block->slots[0].record.name, 1u);
  EXPECT_EQ(block->slots[0].record.bytes, 70u);
  EXPECT_EQ(std::string(block->slots[1].text, 70), name);
  EXPECT_EQ(block->slots[3].record.kind, GPU_RECORD_KERNEL);
  EXPECT_EQ(block->slots[3].record.name, 1u);
  EXPECT_EQ(block->slots[4].record.correlation, 2u);
  outbox.release();
  EXPECT_EQ(outbox.take(true), nullptr);
}

TEST_F(OutboxTest, BlocksAreFullButNeverSplitAName) {
  for (uint32_t at = 0; at < GPU_BATCH_SLOTS - 2; ++at) append(nullptr, at);
  EXPECT_TRUE(append(std::string(65, 'x').c_str(), 999).finished_block);  // needs 4, 2 are left
  GpuBlock* block = outbox.take(false);
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(block->header.slots, GPU_BATCH_SLOTS - 2u);
  EXPECT_EQ(block->bytes(), 64u * (GPU_BATCH_SLOTS - 1));
  outbox.release();
  block = outbox.take(true);
  ASSERT_NE(block, nullptr);
  ASSERT_EQ(block->header.slots, 4u);
  EXPECT_EQ(block->slots[3].record.correlation, 999u);
}

TEST_F(OutboxTest, OrderIsKeptAcrossBlocks) {
  constexpr uint32_t kRecords = 1000;
  for (uint32_t at = 0; at < kRecords; ++at) append(nullptr, at);
  uint32_t next = 0;
  while (GpuBlock* block = outbox.take(true)) {
    for (uint32_t at = 0; at < block->header.slots; ++at)
      ASSERT_EQ(block->slots[at].record.correlation, next++);
    outbox.release();
  }
  EXPECT_EQ(next, kRecords);
}

TEST_F(OutboxTest, FullDropsTheNewestAndTellsHowMany) {
  constexpr size_t kRoom = Outbox::kBlocks * GPU_BATCH_SLOTS;
  std::vector<Outbox::Entry> entries(kRoom + 10);
  for (size_t at = 0; at < entries.size(); ++at)
    entries[at].record.correlation = static_cast<uint32_t>(at);
  const auto appended = outbox.append(entries.data(), entries.size());
  EXPECT_EQ(appended.dropped, 10u);
  EXPECT_TRUE(appended.finished_block);
  EXPECT_EQ(outbox.take(true)->slots[0].record.correlation, 0u);
  outbox.release();
  EXPECT_EQ(append(nullptr, 5).dropped, 0u);
}

TEST_F(OutboxTest, ANameThatFoundNoRoomComesLater) {
  constexpr size_t kRoom = Outbox::kBlocks * GPU_BATCH_SLOTS;
  std::vector<Outbox::Entry> entries(kRoom - 1);
  outbox.append(entries.data(), entries.size());
  EXPECT_EQ(append("late").dropped, 1u);  // a name and a record need 3
  while (outbox.take(true) != nullptr) outbox.release();
  EXPECT_EQ(append("late").dropped, 0u);
  GpuBlock* block = outbox.take(true);
  ASSERT_EQ(block->header.slots, 3u);
  EXPECT_EQ(block->slots[0].record.kind, GPU_RECORD_NAME);
}

TEST_F(OutboxTest, WhatIsClearedIsCountedWithoutNames) {
  for (uint32_t at = 0; at < 300; ++at) append(at % 2 == 0 ? "a" : "b");
  EXPECT_EQ(outbox.clear(), 300u);
  EXPECT_EQ(outbox.take(true), nullptr);
  append("a");
  GpuBlock* block = outbox.take(true);
  ASSERT_EQ(block->header.slots, 3u) << "the name was cleared too, so it is told again";
}

}  // namespace
}  // namespace tacit::cupti
