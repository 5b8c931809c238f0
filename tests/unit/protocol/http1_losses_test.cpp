// SPDX-License-Identifier: Apache-2.0
// Every way to lose transfers of a short conversation: a wrong pair is the worst that can happen.
#include <gtest/gtest.h>

#include <bit>
#include <map>

#include "tests/unit/protocol/wire.h"

namespace tacit::protocol::http1 {
namespace {

std::string request(int i) { return "GET /" + std::to_string(i) + " HTTP/1.1\r\n\r\n"; }

// Its status says which request it answers; body lengths differ, so that no two are alike.
std::string response(int i) {
  return "HTTP/1.1 " + std::to_string(210 + i) + " OK\r\nContent-Length: " + std::to_string(i % 3) +
         "\r\n\r\n" + std::string(static_cast<size_t>(i % 3), 'x');
}

std::map<int, HttpExchange> by_number(const Wire& w) {
  std::map<int, HttpExchange> found;
  for (const HttpExchange& e : w.exchanges) {
    const int number = std::stoi(e.target.substr(1));
    EXPECT_TRUE(found.emplace(number, e).second) << "twice: " << number;
    EXPECT_TRUE(e.status == 0 || e.status == 210 + number) << e.target << " got " << e.status;
    EXPECT_GE(e.end_ns, e.request_first_ns);
  }
  return found;
}

struct Setting {
  Role role;
  bool from_start;
  bool several_threads;
};

const Setting kSettings[] = {
    {Role::kServer, true, false},  {Role::kServer, true, true},   {Role::kServer, false, false},
    {Role::kClient, true, false},  {Role::kClient, true, true},   {Role::kClient, false, false},
    {Role::kUnknown, true, false}, {Role::kUnknown, false, true},
};

// One call each. Bit n of `lost`: the n-th transfer is not reported.
void converse(Wire& w, const Setting& setting, uint32_t lost, const std::vector<std::string>& parts,
              const std::vector<bool>& from_client) {
  const bool server = setting.role != Role::kClient;
  for (size_t n = 0; n < parts.size(); ++n) {
    const bool received = from_client[n] == server;
    if (setting.several_threads) w.thread = 7 + static_cast<uint32_t>(n % 2);
    const Transfer t = w.next(received ? Direction::kReceive : Direction::kSend, parts[n]);
    if (!(lost >> n & 1)) w.http.on_transfer(t);
  }
}

TEST(Http1Losses, WhatWasSeenWholeIsPairedAndNothingElse) {
  constexpr int kExchanges = 5;
  std::vector<std::string> parts;
  std::vector<bool> from_client;
  for (int i = 0; i < kExchanges; ++i) {
    parts.insert(parts.end(), {request(i), response(i)});
    from_client.insert(from_client.end(), {true, false});
  }
  for (const Setting& setting : kSettings) {
    for (uint32_t lost = 0; lost < 1U << (2 * kExchanges); ++lost) {
      Wire w(setting.role, setting.from_start);
      if (setting.from_start)
        w.http.start_at(w.position(Direction::kReceive), w.position(Direction::kSend));
      converse(w, setting, lost, parts, from_client);
      w.close();
      const std::map<int, HttpExchange> found = by_number(w);
      for (int i = 0; i < kExchanges; ++i) {
        const bool request_seen = !(lost >> (2 * i) & 1),
                   response_seen = !(lost >> (2 * i + 1) & 1);
        ASSERT_EQ(found.contains(i), request_seen) << "lost " << lost << " request " << i;
        if (!request_seen) continue;
        const HttpExchange& e = found.at(i);
        ASSERT_EQ(e.outcome, response_seen ? Outcome::kComplete : Outcome::kUnknown)
            << "lost " << lost << " request " << i;
        ASSERT_EQ(e.status, response_seen ? 210 + i : 0);
      }
      ASSERT_EQ(w.http.active_requests(), 0u);
      ASSERT_EQ(w.http.buffered_bytes(), 0u);
    }
  }
}

// Heads in two transfers, a chunked body: up to four parts of messages are lost.
TEST(Http1Losses, PartsOfMessages) {
  std::vector<std::string> parts;
  std::vector<bool> from_client;
  for (int i = 0; i < 3; ++i) {
    const std::string number = std::to_string(i);
    parts.insert(parts.end(),
                 {"POST /" + number + " HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
                  "c\r\n0\r\n\r\n", "HTTP/1.1 21" + number + " OK\r\nTransfer-Enc",
                  "oding: chunked\r\n\r\n2\r\nhi\r\n", "0\r\n\r\n"});
    from_client.insert(from_client.end(), {true, true, false, false, false});
  }
  for (const Setting& setting : kSettings) {
    for (uint32_t lost = 0; lost < 1U << 15; ++lost) {
      if (std::popcount(lost) > 4) continue;
      Wire w(setting.role, setting.from_start);
      converse(w, setting, lost, parts, from_client);
      w.close();
      const std::map<int, HttpExchange> found = by_number(w);
      for (const auto& [i, e] : found) {
        ASSERT_FALSE(lost >> (5 * i) & 1);
        const uint32_t response_lost = lost >> (5 * i + 2) & 7;
        if (e.outcome == Outcome::kComplete) {
          ASSERT_EQ(response_lost, 0u) << lost;
          ASSERT_EQ(e.response_body_bytes, 2u);
        }
        if (e.status != 0) {
          ASSERT_EQ(response_lost & 3, 0u) << lost;
        }
      }
      ASSERT_EQ(w.http.active_requests(), 0u);
    }
  }
}

// Requests in bursts, one stretch of transfers lost.
TEST(Http1Losses, PipelinedRequests) {
  const std::vector<std::string> parts = {request(0),  request(1),  request(2),  response(0),
                                          response(1), response(2), request(3),  request(4),
                                          response(3), request(5),  response(4), response(5)};
  const std::vector<bool> from_client = {true, true, true,  false, false, false,
                                         true, true, false, true,  false, false};
  int checked = 0;
  for (const Setting& setting : kSettings) {
    for (size_t begin = 0; begin <= parts.size(); ++begin) {
      for (size_t end = begin; end <= parts.size(); ++end) {
        // What is left of these looks like a peer that waits for each answer.
        if (begin <= 1 && end >= 7 && end <= 9) continue;
        if (!setting.from_start && begin == 0 && end == 2) continue;
        const uint32_t lost = ((1U << end) - 1) & ~((1U << begin) - 1);
        SCOPED_TRACE(testing::Message() << "lost " << begin << " to " << end);
        Wire w(setting.role, setting.from_start);
        if (setting.from_start)
          w.http.start_at(w.position(Direction::kReceive), w.position(Direction::kSend));
        converse(w, setting, lost, parts, from_client);
        w.close();
        const std::map<int, HttpExchange> found = by_number(w);
        ++checked;
        if (lost != 0 || !setting.from_start) continue;
        ASSERT_EQ(found.size(), 6u);
        for (const auto& [i, e] : found) ASSERT_EQ(e.outcome, Outcome::kComplete) << i;
      }
    }
  }
  EXPECT_EQ(checked, 8 * (91 - 6) - 3);
}

}  // namespace
}  // namespace tacit::protocol::http1
