// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cerrno>

#include "tests/unit/protocol/wire.h"

namespace tacit::protocol::http1 {
namespace {

constexpr std::string_view kUntilClose = "HTTP/1.0 200 OK\r\n\r\nabc";
constexpr std::string_view kCut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc";

TEST(Http1Ends, CloseDelimitedBodyEndsWithTheStream) {
  for (const Role role : {Role::kServer, Role::kClient}) {
    Wire w(role);
    const Direction request = role == Role::kServer ? Direction::kReceive : Direction::kSend;
    const Direction response = connection::opposite(request);
    w.transfer(request, kGet);
    w.transfer(response, kUntilClose);
    w.transfer(response, "defg");
    EXPECT_EQ(w.http.active_requests(), 1u);
    w.end(response);
    ASSERT_EQ(w.exchanges.size(), 1u);
    EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
    EXPECT_EQ(w.exchanges[0].response_body_bytes, 7u);
    EXPECT_EQ(w.exchanges[0].response_last_ns, 30u);
    EXPECT_EQ(w.exchanges[0].end_ns, 40u);
    w.close();
    EXPECT_EQ(w.exchanges.size(), 1u);
  }
}

TEST(Http1Ends, CloseDelimitedBodyEndsWithTheConnection) {
  Wire w(Role::kServer);
  w.receive(kGet);
  w.send(kUntilClose);
  w.lose(Direction::kSend, 1000);
  w.close();
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_EQ(w.exchanges[0].response_body_bytes, 1003u);
  EXPECT_EQ(w.exchanges[0].response_last_ns, 30u);
}

TEST(Http1Ends, CloseDelimitedBodyCutByAResetIsNotComplete) {
  Wire w(Role::kClient);
  w.send(kGet);
  w.receive(kUntilClose);
  w.fail(Direction::kReceive, ECONNRESET);
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kReset);
  EXPECT_EQ(w.exchanges[0].error_number, ECONNRESET);
  EXPECT_EQ(w.exchanges[0].status, 200);
}

TEST(Http1Ends, ClientWithoutAnAnswer) {
  Wire w(Role::kClient);
  w.send(kGet);
  w.end(Direction::kReceive);
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kNoResponse);
  EXPECT_EQ(w.exchanges[0].status, 0);
  EXPECT_EQ(w.exchanges[0].end_ns, 20u);
  EXPECT_EQ(w.exchanges[0].response_first_ns, 0u);
}

TEST(Http1Ends, ClientWithATruncatedAnswer) {
  Wire w(Role::kClient);
  w.send(kGet);
  w.receive(kCut);
  w.end(Direction::kReceive);
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kTruncated);
  EXPECT_EQ(w.exchanges[0].status, 200);
  EXPECT_EQ(w.exchanges[0].response_body_bytes, 3u);
  EXPECT_EQ(w.exchanges[0].response_last_ns, 0u);
  EXPECT_EQ(w.exchanges[0].end_ns, 30u);
}

TEST(Http1Ends, ClientWhoseConnectionIsReset) {
  for (const std::string_view answer : {std::string_view(), kCut}) {
    Wire w(Role::kClient);
    w.send(kGet);
    if (!answer.empty()) w.receive(answer);
    w.fail(Direction::kReceive, ECONNRESET);
    ASSERT_EQ(w.exchanges.size(), 1u);
    EXPECT_EQ(w.exchanges[0].outcome, Outcome::kReset);
    EXPECT_EQ(w.exchanges[0].error_number, ECONNRESET);
    EXPECT_EQ(w.exchanges[0].status, answer.empty() ? 0 : 200);
  }
}

TEST(Http1Ends, ClientWhoseSocketCarriesAnErrorAtTheClose) {
  Wire w(Role::kClient);
  w.send(kGet);
  w.close(ETIMEDOUT);
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kReset);
  EXPECT_EQ(w.exchanges[0].error_number, ETIMEDOUT);
}

TEST(Http1Ends, ClientWhoseUploadBreaksMayStillBeAnswered) {
  Wire w(Role::kClient);
  w.send("POST /x HTTP/1.1\r\nContent-Length: 1000\r\n\r\nabc");
  w.fail(Direction::kSend, EPIPE);
  EXPECT_EQ(w.exchanges.size(), 0u);
  w.receive("HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n");
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_EQ(w.exchanges[0].status, 413);
  EXPECT_EQ(w.exchanges[0].request_body_bytes, 3u);
}

TEST(Http1Ends, ClientWhoseUploadBreaksWithoutAnAnswer) {
  Wire w(Role::kClient);
  w.send("POST /x HTTP/1.1\r\nContent-Length: 1000\r\n\r\nabc");
  w.fail(Direction::kSend, EPIPE);
  w.end(Direction::kReceive);
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kReset);
  EXPECT_EQ(w.exchanges[0].error_number, EPIPE);
}

TEST(Http1Ends, ErrorsThatAreNoEndAreIgnored) {
  Wire w(Role::kClient);
  w.send(kGet);
  for (const int error : {EAGAIN, EINTR, EFAULT, ENOBUFS, EINVAL})
    w.fail(Direction::kReceive, error);
  EXPECT_EQ(w.exchanges.size(), 0u);
  w.receive(kOk);
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
}

TEST(Http1Ends, ServerWhoseClientLeaves) {
  for (const std::string_view answer : {std::string_view(), kCut}) {
    Wire w(Role::kServer);
    w.receive(kGet);
    if (!answer.empty()) w.send(answer);
    w.end(Direction::kReceive);
    EXPECT_EQ(w.exchanges.size(), 0u);  // it may only have ended its side
    w.end(Direction::kSend);
    ASSERT_EQ(w.exchanges.size(), 1u);
    EXPECT_EQ(w.exchanges[0].outcome, Outcome::kClientAborted);
    EXPECT_EQ(w.exchanges[0].status, answer.empty() ? 0 : 200);
    EXPECT_EQ(w.exchanges[0].error_number, 0);
  }
}

TEST(Http1Ends, ServerAnswersAClientThatEndedItsSide) {
  Wire w(Role::kServer);
  w.receive(kGet);
  w.end(Direction::kReceive);
  w.send(kOk);
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
}

TEST(Http1Ends, ServerWhoseClientResetsOrIsGone) {
  struct Case {
    Direction direction;
    int error;
    Outcome outcome;
  };
  for (const Case& c : {Case{Direction::kSend, EPIPE, Outcome::kClientAborted},
                        Case{Direction::kReceive, ECONNRESET, Outcome::kClientAborted},
                        Case{Direction::kSend, ETIMEDOUT, Outcome::kReset}}) {
    Wire w(Role::kServer);
    w.receive(kGet);
    w.send(kCut);
    w.fail(c.direction, c.error);
    ASSERT_EQ(w.exchanges.size(), 1u);
    EXPECT_EQ(w.exchanges[0].outcome, c.outcome);
    EXPECT_EQ(w.exchanges[0].error_number, c.error);
    EXPECT_EQ(w.exchanges[0].response_body_bytes, 3u);
    EXPECT_EQ(w.exchanges[0].end_ns, 30u);
  }
}

TEST(Http1Ends, ServerThatClosesFirst) {
  for (const std::string_view answer : {std::string_view(), kCut}) {
    Wire w(Role::kServer);
    w.receive(kGet);
    if (!answer.empty()) w.send(answer);
    w.close();
    ASSERT_EQ(w.exchanges.size(), 1u);
    EXPECT_EQ(w.exchanges[0].outcome, answer.empty() ? Outcome::kNoResponse : Outcome::kTruncated);
  }
}

TEST(Http1Ends, RequestWithoutAWholeHeadIsNoExchange) {
  Wire w(Role::kServer);
  w.receive("GET / HTTP/1.1\r\nHost:");
  w.end(Direction::kReceive);
  w.close();
  EXPECT_EQ(w.exchanges.size(), 0u);
  EXPECT_EQ(w.http.buffered_bytes(), 0u);
}

TEST(Http1Ends, FinalPositionsExplainASkippedBody) {
  for (const uint32_t fin : {0u, 1u}) {
    Wire w(Role::kServer);
    w.receive(kGet);
    w.send("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n");
    w.lose(Direction::kSend, 5000 + fin);
    w.close();
    ASSERT_EQ(w.exchanges.size(), 1u);
    EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
    EXPECT_EQ(w.exchanges[0].response_body_bytes, 5000u);
    EXPECT_EQ(w.exchanges[0].response_last_ns, 30u);
  }
}

TEST(Http1Ends, FinalPositionsTellASkippedBodyThatWasCut) {
  Wire w(Role::kClient);
  w.send(kGet);
  w.receive("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n");
  w.lose(Direction::kReceive, 4000);
  w.close();
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kTruncated);
  EXPECT_EQ(w.exchanges[0].response_body_bytes, 4000u);
}

TEST(Http1Ends, AnAnswerThatWasLostIsNotCalledNoAnswer) {
  for (const bool reset : {false, true}) {
    Wire w(Role::kClient);
    w.send(kGet);
    w.lose(Direction::kReceive, 100);
    w.close(reset ? ECONNRESET : 0);
    ASSERT_EQ(w.exchanges.size(), 1u);
    EXPECT_EQ(w.exchanges[0].outcome, Outcome::kUnknown);
    EXPECT_EQ(w.exchanges[0].error_number, 0);
  }
  Wire w(Role::kClient);
  w.send(kGet);
  w.receive(kOk);
  w.send(kGet2);
  w.lose(Direction::kReceive, 100);
  w.http.on_end_of_stream(Direction::kReceive, 99, w.position(Direction::kReceive));
  ASSERT_EQ(w.exchanges.size(), 2u);
  EXPECT_EQ(w.exchanges[1].outcome, Outcome::kUnknown);
}

TEST(Http1Ends, AFinInThePositionIsNoMissingByte) {
  Wire w(Role::kClient);
  w.send(kGet);
  w.receive(kOk);
  w.send(kGet2);
  w.http.on_end_of_stream(Direction::kReceive, 99, w.position(Direction::kReceive) + 1);
  ASSERT_EQ(w.exchanges.size(), 2u);
  EXPECT_EQ(w.exchanges[1].outcome, Outcome::kNoResponse);
  EXPECT_EQ(w.counters.gaps, 0u);
}

TEST(Http1Ends, FinishLeavesWhatIsOpenUnknown) {
  Wire w(Role::kServer);
  w.receive(std::string(kGet) + std::string(kGet2));
  w.send(kCut);
  w.http.finish(500);
  ASSERT_EQ(w.exchanges.size(), 2u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kUnknown);
  EXPECT_EQ(w.exchanges[0].status, 200);
  EXPECT_EQ(w.exchanges[0].end_ns, 500u);
  EXPECT_EQ(w.exchanges[1].outcome, Outcome::kUnknown);
  EXPECT_EQ(w.exchanges[1].status, 0);
  EXPECT_EQ(w.http.active_requests(), 0u);
  w.http.finish(600);
  w.close();
  EXPECT_EQ(w.exchanges.size(), 2u);
}

TEST(Http1Ends, ATransferThatWaitsIsNotForgottenAtTheEnd) {
  Wire w(Role::kClient);
  const Transfer request = w.next(Direction::kSend, kGet);
  w.thread = 8;
  w.receive(kOk);
  w.http.on_transfer(request);
  w.lose(Direction::kSend, 10);
  w.receive(kNotFound);
  w.close();
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].status, 200);
  EXPECT_EQ(w.counters.orphan_responses, 1u);
}

}  // namespace
}  // namespace tacit::protocol::http1
