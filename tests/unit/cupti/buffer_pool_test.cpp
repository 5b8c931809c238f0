// SPDX-License-Identifier: Apache-2.0
#include "cupti/buffer_pool.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <vector>

namespace tacit::cupti {
namespace {

TEST(BufferPool, GivesEachBufferOnce) {
  BufferPool pool;
  ASSERT_TRUE(pool.map());
  std::set<uint8_t*> given;
  for (size_t at = 0; at < BufferPool::kBuffers; ++at) {
    const auto buffer = pool.take(true);
    EXPECT_EQ(buffer.bytes, BufferPool::kBytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data) % 8, 0u);
    EXPECT_TRUE(pool.keeps(buffer.data));
    given.insert(buffer.data);
  }
  EXPECT_EQ(given.size(), BufferPool::kBuffers);
}

TEST(BufferPool, WhenAllAreOutThereAreSparesAndThenNothing) {
  BufferPool pool;
  ASSERT_TRUE(pool.map());
  for (size_t at = 0; at < BufferPool::kBuffers; ++at) pool.take(true);
  std::vector<BufferPool::Buffer> spares;
  for (size_t at = 0; at < BufferPool::kSpares; ++at) spares.push_back(pool.take(true));
  for (const auto& spare : spares) {
    ASSERT_NE(spare.data, nullptr);
    EXPECT_EQ(spare.bytes, BufferPool::kSpareBytes);
    EXPECT_FALSE(pool.keeps(spare.data));
  }
  EXPECT_EQ(pool.take(true).data, nullptr);
  EXPECT_EQ(pool.take(true).data, nullptr);
  EXPECT_NE(pool.take(false).data, nullptr) << "CUPTI before 12.9 is never refused";
  pool.give_back(spares[3].data, 100);
  EXPECT_EQ(pool.take(true).data, nullptr);
  pool.give_back(spares[4].data, 100);
  EXPECT_NE(pool.take(true).data, nullptr);
  EXPECT_EQ(pool.take(true).data, nullptr);
}

TEST(BufferPool, ABufferComesAgainZeroed) {
  BufferPool pool;
  ASSERT_TRUE(pool.map());
  const auto first = pool.take(true);
  std::memset(first.data, 7, 1000);
  pool.give_back(first.data, 1000);
  const auto second = pool.take(true);
  ASSERT_EQ(second.data, first.data);
  for (size_t at = 0; at < 1000; ++at) ASSERT_EQ(second.data[at], 0) << at;
}

}  // namespace
}  // namespace tacit::cupti
