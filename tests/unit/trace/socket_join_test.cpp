// SPDX-License-Identifier: Apache-2.0
#include "agent/trace/socket_join.h"

#include <gtest/gtest.h>

#include "tests/unit/trace/trace_samples.h"

namespace tacit::trace {
namespace {

constexpr uint64_t kBegin = 1'000'000'000;

RequestKey key_at(uint32_t position, uint16_t port = 40000) {
  return *RequestKey::make(client_end({10, 0, 0, 1}, port, {10, 0, 0, 2}, 80), 0, 0, position);
}

TEST(SocketJoin, ACallIsTakenOnceByItsOtherEnd) {
  SocketJoin join;
  const auto call = std::make_shared<Place>();
  join.sent(key_at(1), call, kBegin);
  EXPECT_EQ(join.take(key_at(2)), nullptr);
  EXPECT_EQ(join.take(key_at(1, 40001)), nullptr);
  EXPECT_EQ(join.take(key_at(1)), call);
  EXPECT_EQ(join.take(key_at(1)), nullptr);
  EXPECT_EQ(join.size(), 0u);
}

TEST(SocketJoin, PipelinedRequestsAreToldByTheirPositions) {
  SocketJoin join;
  const auto first = std::make_shared<Place>();
  const auto second = std::make_shared<Place>();
  join.sent(key_at(0xFFFFFFF0), first, kBegin);  // positions wrap
  join.sent(key_at(0x10), second, kBegin);
  EXPECT_EQ(join.take(key_at(0x10)), second);
  EXPECT_EQ(join.take(key_at(0xFFFFFFF0)), first);
}

TEST(SocketJoin, KeepsACallForAsLongAsItMayWaitInTheListenersQueue) {
  SocketJoin join;
  const auto call = std::make_shared<Place>();
  join.sent(key_at(1), call, kBegin);
  join.sent(key_at(2), std::make_shared<Place>(), kBegin + 1);
  join.expire(kBegin + SocketJoin::kKeptNs - 1);
  EXPECT_EQ(join.size(), 2u);
  join.expire(kBegin + SocketJoin::kKeptNs);
  EXPECT_EQ(join.size(), 1u);
  EXPECT_EQ(call.use_count(), 1);
  EXPECT_EQ(join.take(key_at(1)), nullptr);
  EXPECT_NE(join.take(key_at(2)), nullptr);
}

TEST(SocketJoin, IsBoundedAndForgetsTheOldest) {
  SocketJoin join;
  constexpr uint32_t kCalls = SocketJoin::kMaxCalls + 10;
  for (uint32_t i = 0; i < kCalls; ++i) {
    join.sent(key_at(i), std::make_shared<Place>(), kBegin + i);
    ASSERT_LE(join.size(), SocketJoin::kMaxCalls);
  }
  EXPECT_EQ(join.size(), SocketJoin::kMaxCalls);
  EXPECT_EQ(join.take(key_at(9)), nullptr);
  EXPECT_NE(join.take(key_at(10)), nullptr);
  EXPECT_NE(join.take(key_at(kCalls - 1)), nullptr);
}

}  // namespace
}  // namespace tacit::trace
