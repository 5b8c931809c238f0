// SPDX-License-Identifier: Apache-2.0
#include "agent/protocol/http1/exchange_queue.h"

#include <gtest/gtest.h>

namespace tacit::protocol::http1 {
namespace {

TEST(ExchangeQueue, KeepsOrderWhileItGrowsAndWraps) {
  ExchangeQueue queue;
  uint64_t pushed = 0, popped = 0;
  for (int round = 1; round <= 20; ++round) {
    for (int i = 0; i < round; ++i) queue.push().exchange.request_first_ns = ++pushed;
    for (int i = 0; i < round / 2 + 1; ++i) {
      EXPECT_EQ(queue.front().exchange.request_first_ns, ++popped);
      queue.pop();
    }
    EXPECT_EQ(queue.size(), pushed - popped);
  }
  EXPECT_EQ(queue.back().exchange.request_first_ns, 210u);
  while (!queue.empty()) {
    EXPECT_EQ(queue.front().exchange.request_first_ns, ++popped);
    queue.pop();
  }
  EXPECT_EQ(popped, 210u);
}

TEST(ExchangeQueue, ClearsASlotBeforeItIsUsedAgain) {
  ExchangeQueue queue;
  OpenExchange& a = queue.push();
  a.exchange.method = "GET";
  a.exchange.status = 200;
  a.exchange.request_headers.emplace_back("a", "b");
  a.response_whole = a.is_head = true;
  queue.pop();
  const OpenExchange& b = queue.push();
  EXPECT_EQ(b.exchange.method, "");
  EXPECT_EQ(b.exchange.status, 0);
  EXPECT_TRUE(b.exchange.request_headers.empty());
  EXPECT_FALSE(b.response_whole);
  EXPECT_FALSE(b.is_head);
}

TEST(ExchangeQueue, IsFullAtItsCount) {
  ExchangeQueue queue;
  for (size_t i = 0; i < ExchangeQueue::kMaxOpen; ++i) {
    EXPECT_FALSE(queue.full());
    queue.push();
  }
  EXPECT_TRUE(queue.full());
  queue.pop();
  EXPECT_FALSE(queue.full());
}

TEST(ExchangeQueue, IsFullAtItsTextBytes) {
  ExchangeQueue queue;
  for (int i = 0; i < 2; ++i) {
    OpenExchange& open = queue.push();
    open.exchange.target.assign(ExchangeQueue::kMaxTextBytes / 2, 'x');
    queue.add_text(open);
    EXPECT_FALSE(queue.full());
  }
  OpenExchange& open = queue.push();
  open.exchange.host = "h";
  queue.add_text(open);
  EXPECT_TRUE(queue.full());
  open.exchange.host.clear();  // the sink may take strings out: the count stays right
  queue.pop();
  EXPECT_FALSE(queue.full());
}

}  // namespace
}  // namespace tacit::protocol::http1
