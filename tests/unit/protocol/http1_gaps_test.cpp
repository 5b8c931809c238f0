// SPDX-License-Identifier: Apache-2.0
// Bytes that were missed, joining in mid-stream, and what may still be paired then.
#include <gtest/gtest.h>

#include "tests/unit/protocol/wire.h"

namespace tacit::protocol::http1 {
namespace {

constexpr std::string_view kChunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST(Http1Gaps, BytesOfAKnownBodyMayPassUnseen) {
  Wire w(Role::kServer);
  w.receive("POST /x HTTP/1.1\r\nContent-Length: 100\r\n\r\nab");
  w.lose(Direction::kReceive, 90);
  w.receive("12345678");
  w.send("HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n");
  w.length_only(Direction::kSend, 20000);
  w.lose(Direction::kSend, 20000);
  w.length_only(Direction::kSend, 10000);
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_EQ(w.exchanges[0].request_body_bytes, 100u);
  EXPECT_EQ(w.exchanges[0].response_body_bytes, 50000u);
  EXPECT_EQ(w.exchanges[0].response_last_ns, 50u);
  EXPECT_EQ(w.counters.gaps, 0u);
}

TEST(Http1Gaps, BytesOfOneChunkMayPassUnseen) {
  Wire w(Role::kServer);
  w.receive(kGet);
  w.send(std::string(kChunkedHead) + "100\r\nabc");
  w.lose(Direction::kSend, 250);
  w.send("xyz\r\n0\r\n\r\n");
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_EQ(w.exchanges[0].response_body_bytes, 256u);
  EXPECT_EQ(w.counters.gaps, 0u);
}

TEST(Http1Gaps, TheLostEndOfAKnownBodyIsCountedWhenTheNextMessageComes) {
  Wire w(Role::kServer);
  w.receive(kGet);
  w.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
  w.lose(Direction::kSend, 6);
  w.receive(kGet2);
  w.send(kNotFound);
  ASSERT_EQ(w.exchanges.size(), 2u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_EQ(w.exchanges[0].response_body_bytes, 9u);
  EXPECT_EQ(w.exchanges[0].end_ns, 20u);
  EXPECT_EQ(w.exchanges[1].target, "/b");
  EXPECT_EQ(w.exchanges[1].status, 404);
  EXPECT_EQ(w.counters.gaps, 0u);
}

TEST(Http1Gaps, AGapBeyondTheKnownBodyEndsThatMessageAndLosesTheNext) {
  Wire w(Role::kServer);
  w.receive(kGet);
  w.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
  w.lose(Direction::kSend, 6);
  w.receive(kGet2);
  w.lose(Direction::kSend, kNotFound.size());
  w.receive(kGet3);
  w.send(kCreated);
  ASSERT_EQ(w.exchanges.size(), 3u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_EQ(w.exchanges[1].target, "/b");
  EXPECT_EQ(w.exchanges[1].outcome, Outcome::kUnknown);
  EXPECT_EQ(w.exchanges[1].status, 0);
  EXPECT_EQ(w.exchanges[1].end_ns, 30u);
  EXPECT_EQ(w.exchanges[2].target, "/c");
  EXPECT_EQ(w.exchanges[2].outcome, Outcome::kComplete);
  EXPECT_EQ(w.exchanges[2].status, 201);
  EXPECT_EQ(w.counters.gaps, 1u);
  EXPECT_EQ(w.counters.resyncs, 1u);
}

TEST(Http1Gaps, AGapInChunkFramingLeavesTheExchangeUnknown) {
  Wire w(Role::kServer);
  w.receive(kGet);
  w.send(std::string(kChunkedHead) + "3\r\nabc\r\n");
  w.lose(Direction::kSend, 20);
  w.send("def\r\n0\r\n\r\n");
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kUnknown);
  EXPECT_EQ(w.exchanges[0].status, 200);
  EXPECT_EQ(w.exchanges[0].response_body_bytes, 3u);
  EXPECT_FALSE(w.exchanges[0].response_body_known);
  EXPECT_EQ(w.exchanges[0].response_last_ns, 0u);
  EXPECT_EQ(w.exchanges[0].end_ns, 20u);
  w.receive(kGet2);
  w.send(kOk);
  ASSERT_EQ(w.exchanges.size(), 2u);
  EXPECT_EQ(w.exchanges[1].outcome, Outcome::kComplete);
  EXPECT_EQ(w.exchanges[1].target, "/b");
}

TEST(Http1Gaps, ALostResponseIsNeverReplacedByTheNext) {
  for (const Role role : {Role::kServer, Role::kClient}) {
    Wire w(role);
    const Direction request = role == Role::kServer ? Direction::kReceive : Direction::kSend;
    const Direction response = connection::opposite(request);
    w.transfer(request, kGet);
    w.lose(response, kOk.size());
    w.transfer(request, kGet2);
    w.transfer(response, kNotFound);
    ASSERT_EQ(w.exchanges.size(), 2u);
    EXPECT_EQ(w.exchanges[0].target, "/a");
    EXPECT_EQ(w.exchanges[0].outcome, Outcome::kUnknown);
    EXPECT_EQ(w.exchanges[0].status, 0);
    EXPECT_EQ(w.exchanges[0].end_ns, 10u);
    EXPECT_EQ(w.exchanges[1].target, "/b");
    EXPECT_EQ(w.exchanges[1].outcome, Outcome::kComplete);
    EXPECT_EQ(w.exchanges[1].status, 404);
    EXPECT_EQ(w.counters.orphan_responses, 0u);
  }
}

TEST(Http1Gaps, ALostResponseHeadMakesTheRestAnOrphan) {
  Wire w(Role::kServer);
  w.receive(kGet);
  w.lose(Direction::kSend, 40);
  w.send(kOk);  // begins beyond where /a was read: perhaps its answer after a lost 103, perhaps not
  w.receive(kGet2);
  w.send(kNotFound);
  ASSERT_EQ(w.exchanges.size(), 2u);
  EXPECT_EQ(w.exchanges[0].target, "/a");
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kUnknown);
  EXPECT_EQ(w.exchanges[1].target, "/b");
  EXPECT_EQ(w.exchanges[1].status, 404);
  EXPECT_EQ(w.counters.orphan_responses, 1u);
}

TEST(Http1Gaps, AResponseToALostRequestIsAnOrphan) {
  for (const Role role : {Role::kServer, Role::kClient}) {
    Wire w(role);
    const Direction request = role == Role::kServer ? Direction::kReceive : Direction::kSend;
    const Direction response = connection::opposite(request);
    w.transfer(request, kGet);
    w.transfer(response, kOk);
    w.lose(request, kGet2.size());
    w.transfer(response, kNotFound);
    w.transfer(request, kGet3);
    w.transfer(response, kCreated);
    ASSERT_EQ(w.exchanges.size(), 2u);
    EXPECT_EQ(w.exchanges[0].target, "/a");
    EXPECT_EQ(w.exchanges[1].target, "/c");
    EXPECT_EQ(w.exchanges[1].status, 201);
    EXPECT_EQ(w.counters.orphan_responses, 1u);
    EXPECT_EQ(w.counters.gaps, 1u);
  }
}

TEST(Http1Gaps, AGapInAChunkedRequestKeepsItsResponse) {
  Wire w(Role::kServer);
  w.receive("POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  w.lose(Direction::kReceive, 10);
  w.receive("5\r\nGET /\r\n0\r\n\r\n");
  w.send(kOk);
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_FALSE(w.exchanges[0].request_body_known);
  EXPECT_EQ(w.exchanges[0].request_body_bytes, 3u);
  EXPECT_EQ(w.exchanges[0].request_last_ns, 0u);
  EXPECT_EQ(w.exchanges[0].status, 200);
}

TEST(Http1Gaps, AnInterimResponseMovesWhereTheFinalOneBegins) {
  Wire w(Role::kServer);
  w.receive("POST /x HTTP/1.1\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
  w.send("HTTP/1.1 100 Continue\r\n\r\n");
  w.receive("3\r\nabc\r\n");
  w.lose(Direction::kReceive, 10);
  w.receive("rest\r\n0\r\n\r\n");
  w.send(kCreated);
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_EQ(w.exchanges[0].status, 201);
  EXPECT_FALSE(w.exchanges[0].request_body_known);
}

TEST(Http1Gaps, AfterALossAPipeliningConnectionPairsNoMore) {
  Wire w(Role::kServer);
  w.receive(std::string(kGet) + std::string(kGet2));
  w.lose(Direction::kSend, kOk.size());
  w.send(kNotFound);
  w.receive(kGet3);
  w.send(kCreated);
  ASSERT_EQ(w.exchanges.size(), 3u);
  for (const HttpExchange& e : w.exchanges) {
    EXPECT_EQ(e.outcome, Outcome::kUnknown);
    EXPECT_EQ(e.status, 0);
  }
  EXPECT_EQ(w.counters.orphan_responses, 2u);
  EXPECT_EQ(w.http.active_requests(), 0u);
}

TEST(Http1Gaps, ALostRequestBetweenPipelinedOnesGivesNoWrongPair) {
  for (const Role role : {Role::kServer, Role::kClient}) {
    Wire w(role);
    const Direction request = role == Role::kServer ? Direction::kReceive : Direction::kSend;
    const Direction response = connection::opposite(request);
    w.transfer(request, kGet);
    w.lose(request, kGet2.size());
    w.transfer(request, kGet3);
    w.transfer(response, kOk);
    w.transfer(response, kNotFound);
    w.transfer(response, kCreated);
    w.close();
    for (const HttpExchange& e : w.exchanges) {
      const int right = e.target == "/a" ? 200 : 201;
      EXPECT_TRUE(e.status == 0 || e.status == right) << e.target << " " << e.status;
    }
    EXPECT_EQ(w.exchanges.size(), 2u);
  }
}

TEST(Http1Gaps, UnreadableBytesAreAGap) {
  Wire w(Role::kServer);
  w.length_only(Direction::kReceive, 100);
  EXPECT_EQ(w.counters.gaps, 1u);
  w.send(kOk);
  EXPECT_EQ(w.counters.orphan_responses, 1u);
  w.receive(kGet);
  w.send(kOk);
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_FALSE(w.http.is_ignored());
}

TEST(Http1Gaps, ALossOfTheVeryFirstBytesIsNoticed) {
  Wire w(Role::kServer);
  w.http.start_at(w.position(Direction::kReceive), w.position(Direction::kSend));
  w.lose(Direction::kReceive, 10);
  w.receive("middle of something\r\n\r\n");
  EXPECT_FALSE(w.http.is_ignored());
  EXPECT_EQ(w.counters.gaps, 1u);
  w.send(kOk);
  w.receive(kGet);
  w.send(kNotFound);
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].status, 404);
}

TEST(Http1MidStream, RecoversAtTheNextMessage) {
  for (const Role role : {Role::kServer, Role::kClient}) {
    Wire w(role, false);
    const Direction request = role == Role::kServer ? Direction::kReceive : Direction::kSend;
    const Direction response = connection::opposite(request);
    w.transfer(response, "the rest of a body");
    w.transfer(response, kOk);  // nobody knows what for
    w.transfer(request, "rest of an upload\r\n\r\n");
    w.transfer(request, kGet);
    w.transfer(response, kNotFound);
    ASSERT_EQ(w.exchanges.size(), 1u);
    EXPECT_EQ(w.exchanges[0].target, "/a");
    EXPECT_EQ(w.exchanges[0].status, 404);
    EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
    EXPECT_EQ(w.counters.orphan_responses, 1u);
    EXPECT_EQ(w.counters.resyncs, 3u);
    EXPECT_EQ(w.counters.gaps, 0u);
  }
}

TEST(Http1MidStream, DecidesItsRoleToo) {
  Wire w(Role::kUnknown, false);
  w.send("rest");
  w.receive(kGet);
  EXPECT_EQ(w.http.role(), Role::kServer);
  w.send(kOk);
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].role, Role::kServer);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
}

TEST(Http1MidStream, AResponseInProgressIsNotGivenToTheFirstRequestSeen) {
  Wire w(Role::kServer, false);
  w.receive(kGet);          // pipelined behind one that was not seen
  w.send("end of a body");  // the answer to that one goes on
  w.send(kOk);              // begins elsewhere than where /a was read
  w.close();
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kUnknown);
  EXPECT_EQ(w.counters.orphan_responses, 1u);
}

TEST(Http1MidStream, TlsIsIgnoredAtOnce) {
  Wire w(Role::kServer, false);
  w.receive(std::string_view("\x17\x03\x03\x00\x20 ciphertext", 16));
  EXPECT_TRUE(w.http.is_ignored());
  EXPECT_EQ(w.counters.not_http_connections, 1u);
}

TEST(Http1MidStream, AConversationWithoutHeadsIsIgnored) {
  Wire w(Role::kUnknown, false);
  for (int i = 0; i < 8; ++i) {
    w.receive("QUERY");
    EXPECT_FALSE(w.http.is_ignored());
    w.send("ANSWER");
    EXPECT_FALSE(w.http.is_ignored());
  }
  w.receive("QUERY");
  EXPECT_FALSE(w.http.is_ignored());
  w.send("ANSWER");
  EXPECT_TRUE(w.http.is_ignored());
  EXPECT_EQ(w.counters.not_http_connections, 1u);
}

TEST(Http1MidStream, ALongDownloadIsNotGivenUp) {
  Wire w(Role::kServer, false);
  for (int i = 0; i < 1000; ++i) w.send("piece of a body");
  w.receive(kGet);
  w.send(kOk);
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
}

TEST(Http1Skip, NamesTheSpanThatNeedNotBeReported) {
  Wire w(Role::kServer);
  EXPECT_EQ(w.http.skip_until(Direction::kReceive), std::nullopt);
  w.receive("POST /x HTTP/1.1\r\nContent-Length: 100\r\n\r\nab");
  // All but the last byte: when that comes is wanted.
  EXPECT_EQ(w.http.skip_until(Direction::kReceive), w.position(Direction::kReceive) + 97);
  EXPECT_EQ(w.http.skip_until(Direction::kSend), std::nullopt);
  w.length_only(Direction::kReceive, 98);
  EXPECT_EQ(w.http.skip_until(Direction::kReceive), std::nullopt);
  w.send(std::string(kChunkedHead) + "100\r\nabc");
  EXPECT_EQ(w.http.skip_until(Direction::kSend), w.position(Direction::kSend) + 253);
  w.length_only(Direction::kSend, 253);
  EXPECT_EQ(w.http.skip_until(Direction::kSend), std::nullopt);
}

TEST(Http1Skip, LongBodiesAreAskedForAGibibyteAtATime) {
  Wire w(Role::kServer);
  w.receive(kGet);
  w.send("HTTP/1.1 200 OK\r\nContent-Length: 5000000000\r\n\r\n");
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(w.http.skip_until(Direction::kSend), w.position(Direction::kSend) + (1U << 30));
    w.lose(Direction::kSend, 1U << 30);
    w.length_only(Direction::kSend, 1000);
  }
  const uint32_t left = 5'000'000'000 - 4 * ((1ULL << 30) + 1000);
  EXPECT_EQ(w.http.skip_until(Direction::kSend), w.position(Direction::kSend) + left - 1);
  w.lose(Direction::kSend, left - 10);
  w.send("0123456789");
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].response_body_bytes, 5'000'000'000u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
}

}  // namespace
}  // namespace tacit::protocol::http1
