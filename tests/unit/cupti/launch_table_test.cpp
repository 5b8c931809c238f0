// SPDX-License-Identifier: Apache-2.0
#include "cupti/launch_table.h"

#include <gtest/gtest.h>

#include <thread>

namespace tacit::cupti {
namespace {

struct LaunchTableTest : testing::Test {
  void SetUp() override { ASSERT_TRUE(table.map()); }
  LaunchTable table;
  Launch launch;
};

TEST_F(LaunchTableTest, FindsWhatWasNoted) {
  table.note(5, 1234, 987654321);
  EXPECT_TRUE(table.holds(5));
  ASSERT_TRUE(table.find(5, launch));
  EXPECT_EQ(launch.tid, 1234u);
  EXPECT_EQ(launch.time_ns, 987654321u);
}

TEST_F(LaunchTableTest, NothingElseIsFound) {
  EXPECT_FALSE(table.find(0, launch));
  EXPECT_FALSE(table.holds(0));
  table.note(5, 1, 2);
  EXPECT_FALSE(table.find(4, launch));
  EXPECT_FALSE(table.find(5 + LaunchTable::kSlots, launch));
  EXPECT_FALSE(table.holds(5 + LaunchTable::kSlots));
}

TEST_F(LaunchTableTest, ALaterIdTakesThePlace) {
  table.note(5, 1, 2);
  table.note(5 + LaunchTable::kSlots, 3, 4);
  EXPECT_FALSE(table.find(5, launch));
  ASSERT_TRUE(table.find(5 + LaunchTable::kSlots, launch));
  EXPECT_EQ(launch.tid, 3u);
}

TEST_F(LaunchTableTest, IdsWrap) {
  for (uint32_t id = 0xfffffffe; id != 2; ++id) table.note(id, 100 + id % 8, 1000 + id % 8);
  for (uint32_t id = 0xfffffffe; id != 2; ++id) {
    ASSERT_TRUE(table.find(id, launch)) << id;
    EXPECT_EQ(launch.tid, 100 + id % 8);
    EXPECT_EQ(launch.time_ns, 1000 + id % 8);
  }
}

TEST_F(LaunchTableTest, ATidOfNoLinuxIsNotKept) {
  table.note(1, 1u << 22, 7);
  ASSERT_TRUE(table.find(1, launch));
  EXPECT_EQ(launch.tid, 0u);
  EXPECT_EQ(launch.time_ns, 7u);
}

// Two ids of one slot, written without end: what is found always belongs together.
TEST_F(LaunchTableTest, APairIsNeverMixed) {
  constexpr uint32_t kRounds = 200'000;
  const uint32_t ids[2] = {7, 7 + LaunchTable::kSlots};
  std::thread writer([&] {
    for (uint32_t round = 0; round < kRounds; ++round)
      table.note(ids[round % 2], 1 + round % 2, uint64_t{1000} * round + round % 2);
  });
  uint64_t mixed = 0;
  for (uint32_t round = 0; round < kRounds; ++round) {
    const uint32_t which = round % 2;
    if (table.find(ids[which], launch) &&
        (launch.tid != 1 + which || launch.time_ns % 1000 != which))
      ++mixed;
  }
  writer.join();
  EXPECT_EQ(mixed, 0u);
}

}  // namespace
}  // namespace tacit::cupti
