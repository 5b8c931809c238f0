// SPDX-License-Identifier: Apache-2.0
// Transfers that come late, twice, or before what caused them.
#include <gtest/gtest.h>

#include "tests/unit/protocol/wire.h"

namespace tacit::protocol::http1 {
namespace {

TEST(Http1Order, TransfersOfTwoThreadsSwappedOnce) {
  Wire w(Role::kServer);
  w.receive(kGet);
  const std::string_view head = kOk.substr(0, 20), rest = kOk.substr(20);
  w.thread = 8;
  const Transfer first = w.next(Direction::kSend, head);
  w.thread = 9;
  const Transfer second = w.next(Direction::kSend, rest);
  w.http.on_transfer(first);
  w.receive(kGet2.substr(0, 5));
  w.receive(kGet2.substr(5));
  w.http.on_transfer(second);
  ASSERT_EQ(w.exchanges.size(), 1u);

  const Transfer third = w.next(Direction::kSend, head);
  const Transfer fourth = w.next(Direction::kSend, rest);
  w.http.on_transfer(fourth);
  EXPECT_EQ(w.http.buffered_bytes(), rest.size());
  w.http.on_transfer(third);
  ASSERT_EQ(w.exchanges.size(), 2u);
  EXPECT_EQ(w.exchanges[1].outcome, Outcome::kComplete);
  EXPECT_EQ(w.exchanges[1].target, "/b");
  EXPECT_EQ(w.exchanges[1].response_first_ns, third.time_ns);
  EXPECT_EQ(w.exchanges[1].response_last_ns, fourth.time_ns);
  EXPECT_EQ(w.counters.reordered_transfers, 1u);
  EXPECT_EQ(w.counters.gaps, 0u);
  EXPECT_EQ(w.http.buffered_bytes(), 0u);
}

// A client's requests, of which some were given a header on their way: 70 bytes of the stream.
TEST(Http1Order, WhatTheAgentPutIntoARequestIsNoHole) {
  Wire w(Role::kClient);
  w.http.start_at(1000, 0xFFFFFFF0);
  const std::string put = "PUT /p HTTP/1.1\r\nContent-Length: 3\r\n\r\n";
  std::vector<uint32_t> begins;
  for (const std::string& request : {put + "abc", std::string(kGet), std::string(kGet2)}) {
    begins.push_back(w.position(Direction::kSend));
    Transfer t;
    if (request != kGet) w.lose(Direction::kSend, 70);
    t = w.next(Direction::kSend, request);
    if (request != kGet) t.inserted = 70;
    w.http.on_transfer(t);
    w.receive(kOk);
  }
  EXPECT_EQ(w.counters.gaps, 0u);
  ASSERT_EQ(w.exchanges.size(), 3u);
  EXPECT_EQ(w.exchanges[0].request_body_bytes, 3u);
  EXPECT_EQ(w.exchanges[2].target, "/b");
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(w.exchanges[i].outcome, Outcome::kComplete);
    EXPECT_EQ(w.exchanges[i].request_begin, begins[i]);
  }
}

// After a loss an answer is paired by positions: those count what was put in.
TEST(Http1Order, PositionsCountWhatTheAgentPutIn) {
  Wire w(Role::kClient, false);
  w.receive("rest of a body");
  w.lose(Direction::kSend, 70);
  Transfer t = w.next(Direction::kSend, kGet);
  t.inserted = 70;
  w.http.on_transfer(t);
  w.receive(kOk);
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_EQ(w.exchanges[0].target, "/a");
}

TEST(Http1Order, WithASingleThreadAHoleIsAGapAtOnce) {
  Wire w(Role::kServer);
  w.receive(kGet);
  w.lose(Direction::kSend, kOk.size());
  w.receive(kGet2);
  w.send(kNotFound);
  EXPECT_EQ(w.counters.gaps, 1u);
  EXPECT_EQ(w.http.buffered_bytes(), 0u);
  ASSERT_EQ(w.exchanges.size(), 2u);
}

TEST(Http1Order, AHoleThatTheNextCallDoesNotFillIsAGap) {
  for (const bool same_direction : {true, false}) {
    Wire w(Role::kServer);
    w.receive(kGet);
    w.lose(Direction::kSend, kOk.size());
    w.thread = 8;
    w.receive(kGet2);
    w.send(kNotFound);
    EXPECT_EQ(w.http.buffered_bytes(), kNotFound.size());
    EXPECT_EQ(w.counters.gaps, 0u);
    if (same_direction) {
      w.lose(Direction::kSend, 1);
      w.send("x");
    } else {
      w.receive(kGet3);
    }
    EXPECT_EQ(w.counters.gaps, same_direction ? 2u : 1u);
    ASSERT_EQ(w.exchanges.size(), 2u);
    EXPECT_EQ(w.exchanges[0].target, "/a");
    EXPECT_EQ(w.exchanges[0].outcome, Outcome::kUnknown);
    EXPECT_EQ(w.exchanges[1].target, "/b");
    EXPECT_EQ(w.exchanges[1].outcome, Outcome::kComplete);
    EXPECT_EQ(w.exchanges[1].status, 404);
    EXPECT_EQ(w.http.buffered_bytes(), 0u);
  }
}

TEST(Http1Order, DuplicatesAndOverlapsAreCut) {
  Wire w(Role::kServer);
  const Transfer request = w.next(Direction::kReceive, kGet);
  w.http.on_transfer(request);
  w.http.on_transfer(request);
  EXPECT_EQ(w.counters.stale_transfers, 1u);
  Transfer head = w.next(Direction::kSend, kOk.substr(0, 30));
  w.http.on_transfer(head);
  w.position(Direction::kSend) -= 10;
  w.send(kOk.substr(20));
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].status, 200);
  EXPECT_EQ(w.exchanges[0].response_body_bytes, 2u);
  EXPECT_EQ(w.counters.gaps, 0u);
}

TEST(Http1Order, ClientResponseThatIsReportedBeforeItsRequest) {
  for (const Role role : {Role::kClient, Role::kUnknown}) {
    Wire w(role);
    const Transfer request = w.next(Direction::kSend, kGet);
    w.thread = 8;
    const Transfer head = w.next(Direction::kReceive, kOk.substr(0, 25));
    const Transfer tail = w.next(Direction::kReceive, kOk.substr(25));
    const Transfer request2 = w.next(Direction::kSend, kGet2);
    const Transfer response2 = w.next(Direction::kReceive, kNotFound);
    if (role == Role::kClient) {
      w.http.on_transfer(head);
      w.http.on_transfer(tail);
      EXPECT_EQ(w.http.buffered_bytes(), kOk.size());
      w.http.on_transfer(request);
    } else {
      w.http.on_transfer(request);
      w.http.on_transfer(head);
      w.http.on_transfer(tail);
    }
    EXPECT_EQ(w.http.buffered_bytes(), 0u);
    ASSERT_EQ(w.exchanges.size(), 1u);
    EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
    EXPECT_EQ(w.exchanges[0].target, "/a");
    EXPECT_EQ(w.exchanges[0].request_first_ns, 10u);
    EXPECT_EQ(w.exchanges[0].response_first_ns, 20u);
    EXPECT_EQ(w.exchanges[0].response_last_ns, 30u);
    w.http.on_transfer(response2);
    EXPECT_EQ(w.http.buffered_bytes(), kNotFound.size());
    w.http.on_transfer(request2);
    ASSERT_EQ(w.exchanges.size(), 2u);
    EXPECT_EQ(w.exchanges[1].target, "/b");
    EXPECT_EQ(w.exchanges[1].status, 404);
    EXPECT_EQ(w.counters.orphan_responses, 0u);
  }
}

TEST(Http1Order, ClientResponseToALostRequestIsNotGivenToTheNext) {
  Wire w(Role::kClient);
  w.send(kGet);
  w.receive(kOk);
  w.lose(Direction::kSend, kGet2.size());
  w.receive(kNotFound);  // waits: bytes were written that were not reported
  EXPECT_EQ(w.http.buffered_bytes(), kNotFound.size());
  w.send(kGet3);
  EXPECT_EQ(w.http.buffered_bytes(), 0u);
  EXPECT_EQ(w.counters.orphan_responses, 1u);
  w.receive(kCreated);
  ASSERT_EQ(w.exchanges.size(), 2u);
  EXPECT_EQ(w.exchanges[1].target, "/c");
  EXPECT_EQ(w.exchanges[1].status, 201);
  EXPECT_EQ(w.exchanges[1].outcome, Outcome::kComplete);
}

TEST(Http1Order, ClientResponsesThatWaitAreBounded) {
  Wire w(Role::kClient);
  w.send(kGet);
  w.receive(kOk);
  w.lose(Direction::kSend, 10);
  w.receive("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
  const std::string piece(20'000, 'x');
  for (int i = 0; i < 50; ++i) {
    w.receive(piece);
    EXPECT_LE(w.http.buffered_bytes(), 65536u);
  }
  EXPECT_EQ(w.counters.orphan_responses, 1u);
  w.close();
  EXPECT_EQ(w.http.buffered_bytes(), 0u);
  EXPECT_EQ(w.exchanges.size(), 1u);
}

TEST(Http1Order, UnpromptedClientResponseIsAnOrphan) {
  Wire w(Role::kClient);
  w.send(kGet);
  w.receive(kOk);
  w.receive("HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(w.counters.orphan_responses, 1u);
  EXPECT_EQ(w.http.buffered_bytes(), 0u);
  // It was read before the next request was written, so that it cannot answer it.
  w.send(kGet2);
  w.close();
  ASSERT_EQ(w.exchanges.size(), 2u);
  EXPECT_EQ(w.exchanges[1].outcome, Outcome::kNoResponse);
}

}  // namespace
}  // namespace tacit::protocol::http1
