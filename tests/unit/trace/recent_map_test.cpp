// SPDX-License-Identifier: Apache-2.0
#include "agent/trace/recent_map.h"

#include <gtest/gtest.h>

#include <memory>

namespace tacit::trace {
namespace {

TEST(RecentMap, FindsReplacesAndErases) {
  RecentMap<int, int> map(4);
  EXPECT_EQ(map.find(1), nullptr);
  map.insert(1, 10);
  map.insert(1, 11);
  ASSERT_NE(map.find(1), nullptr);
  EXPECT_EQ(*map.find(1), 11);
  EXPECT_EQ(map.size(), 1u);
  map.erase(1);
  EXPECT_EQ(map.find(1), nullptr);
  map.insert(2, 20);
  map.clear();
  EXPECT_EQ(map.size(), 0u);
}

TEST(RecentMap, ForgetsTheOldestAndNoMoreThanItMust) {
  RecentMap<int, int> map(100);
  for (int key = 0; key < 1000; ++key) {
    map.insert(key, key);
    ASSERT_LE(map.size(), 200u);
  }
  for (int key = 900; key < 1000; ++key) {
    ASSERT_NE(map.find(key), nullptr) << key;
    EXPECT_EQ(*map.find(key), key);
  }
  EXPECT_EQ(map.find(0), nullptr);
  EXPECT_EQ(map.find(799), nullptr);
}

TEST(RecentMap, WhatIsUsedStays) {
  RecentMap<int, int> map(10);
  map.insert(-1, 5);
  for (int key = 0; key < 1000; ++key) {
    map.insert(key, key);
    ASSERT_NE(map.find(-1), nullptr) << key;
    ASSERT_EQ(*map.find(-1), 5);
  }
}

// An old entry must not come back once a newer one of its key is gone.
TEST(RecentMap, AReplacedEntryIsGoneInBothGenerations) {
  RecentMap<int, int> map(2);
  map.insert(1, 1);
  map.insert(2, 2);
  map.insert(3, 3);  // 1 and 2 are old now
  map.insert(1, 10);
  map.erase(1);
  EXPECT_EQ(map.find(1), nullptr);
}

TEST(RecentMap, LetsGoOfValues) {
  RecentMap<int, std::shared_ptr<int>> map(2);
  auto value = std::make_shared<int>(1);
  map.insert(0, value);
  for (int key = 1; key < 6; ++key) map.insert(key, nullptr);
  EXPECT_EQ(value.use_count(), 1);
}

}  // namespace
}  // namespace tacit::trace
