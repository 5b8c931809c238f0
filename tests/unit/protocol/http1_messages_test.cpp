// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/unit/protocol/wire.h"

namespace tacit::protocol::http1 {
namespace {

TEST(Http1Messages, ServerExchangeWithAllItsFields) {
  Wire w(Role::kServer);
  w.receive(
      "POST /orders?id=7 HTTP/1.0\r\nHost: shop:8080\r\nUser-Agent: curl/8.5\r\n"
      "traceparent: 00-11111111111111111111111111111111-2222222222222222-01\r\n"
      "tracestate: a=1\r\ntracestate: b=2\r\nContent-Length: 5\r\n\r\nhel");
  EXPECT_EQ(w.http.active_requests(), 1u);
  w.receive("lo");
  w.thread = 8;
  w.send("HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\n12");
  w.send("34");
  ASSERT_EQ(w.exchanges.size(), 1u);
  const HttpExchange& e = w.exchanges[0];
  EXPECT_EQ(e.role, Role::kServer);
  EXPECT_EQ(e.outcome, Outcome::kComplete);
  EXPECT_EQ(e.method, "POST");
  EXPECT_EQ(e.target, "/orders?id=7");
  EXPECT_EQ(e.host, "shop:8080");
  EXPECT_EQ(e.user_agent, "curl/8.5");
  EXPECT_EQ(e.traceparent, "00-11111111111111111111111111111111-2222222222222222-01");
  EXPECT_EQ(e.tracestate, "a=1,b=2");
  EXPECT_EQ(e.request_minor_version, 0);
  EXPECT_EQ(e.response_minor_version, 1);
  EXPECT_EQ(e.request_body_bytes, 5u);
  EXPECT_TRUE(e.request_body_known);
  EXPECT_EQ(e.status, 201);
  EXPECT_EQ(e.response_body_bytes, 4u);
  EXPECT_TRUE(e.response_body_known);
  EXPECT_FALSE(e.upgraded);
  EXPECT_EQ(e.request_first_ns, 10u);
  EXPECT_EQ(e.request_last_ns, 20u);
  EXPECT_EQ(e.response_first_ns, 30u);
  EXPECT_EQ(e.response_last_ns, 40u);
  EXPECT_EQ(e.end_ns, 40u);
  EXPECT_EQ(e.error_number, 0);
  EXPECT_EQ(e.request_actor.tid, 7u);
  EXPECT_EQ(e.response_actor.tid, 8u);
  EXPECT_EQ(w.http.active_requests(), 0u);
  EXPECT_EQ(w.http.buffered_bytes(), 0u);
  EXPECT_TRUE(w.http.is_http());
}

TEST(Http1Messages, ClientKeepAlive) {
  Wire w(Role::kClient);
  for (int i = 0; i < 3; ++i) {
    w.send(kGet);
    w.receive(kOk);
  }
  ASSERT_EQ(w.exchanges.size(), 3u);
  for (uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(w.exchanges[i].role, Role::kClient);
    EXPECT_EQ(w.exchanges[i].outcome, Outcome::kComplete);
    EXPECT_EQ(w.exchanges[i].target, "/a");
    EXPECT_EQ(w.exchanges[i].status, 200);
    EXPECT_EQ(w.exchanges[i].response_body_bytes, 2u);
    EXPECT_EQ(w.exchanges[i].request_first_ns, 20 * i + 10);
    EXPECT_EQ(w.exchanges[i].end_ns, 20 * i + 20);
  }
}

TEST(Http1Messages, PipelinedRequestsAreAnsweredInOrder) {
  for (const Role role : {Role::kServer, Role::kClient}) {
    Wire w(role);
    const Direction d = role == Role::kServer ? Direction::kReceive : Direction::kSend;
    w.transfer(d, std::string(kGet) + std::string(kGet2) + std::string(kGet3));
    EXPECT_EQ(w.http.active_requests(), 3u);
    w.transfer(connection::opposite(d), std::string(kOk) + std::string(kCreated));
    w.transfer(connection::opposite(d), kNotFound);
    ASSERT_EQ(w.exchanges.size(), 3u);
    EXPECT_EQ(w.exchanges[0].target, "/a");
    EXPECT_EQ(w.exchanges[0].status, 200);
    EXPECT_EQ(w.exchanges[1].target, "/b");
    EXPECT_EQ(w.exchanges[1].status, 201);
    EXPECT_EQ(w.exchanges[2].target, "/c");
    EXPECT_EQ(w.exchanges[2].status, 404);
    EXPECT_EQ(w.exchanges[2].response_first_ns, 30u);
  }
}

TEST(Http1Messages, EveryByteInItsOwnTransfer) {
  Wire w(Role::kServer);
  const std::string request =
      "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;e=1\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n";
  const std::string response =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwxyz\r\n0\r\n\r\n";
  for (int round = 0; round < 2; ++round) {
    for (const char& c : request) w.receive({&c, 1});
    for (const char& c : response) w.send({&c, 1});
  }
  ASSERT_EQ(w.exchanges.size(), 2u);
  for (const HttpExchange& e : w.exchanges) {
    EXPECT_EQ(e.outcome, Outcome::kComplete);
    EXPECT_EQ(e.method, "POST");
    EXPECT_EQ(e.host, "h");
    EXPECT_EQ(e.request_body_bytes, 5u);
    EXPECT_EQ(e.response_body_bytes, 4u);
    EXPECT_EQ(e.request_last_ns - e.request_first_ns, 10 * (request.size() - 1));
    EXPECT_EQ(e.response_last_ns - e.response_first_ns, 10 * (response.size() - 1));
  }
  EXPECT_EQ(w.http.buffered_bytes(), 0u);
}

TEST(Http1Messages, ResponsesWithoutABody) {
  struct Case {
    const char* request;
    const char* response;
    int status;
  };
  for (const Case& c :
       {Case{"HEAD /x HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", 200},
        Case{"GET /x HTTP/1.1\r\n\r\n", "HTTP/1.1 204 No\r\n\r\n", 204},
        Case{"GET /x HTTP/1.1\r\n\r\n", "HTTP/1.1 304 Not\r\nContent-Length: 99\r\n\r\n", 304}}) {
    Wire w(Role::kServer);
    w.receive(c.request);
    w.send(c.response);
    w.receive(kGet);
    w.send(kOk);
    ASSERT_EQ(w.exchanges.size(), 2u) << c.response;
    EXPECT_EQ(w.exchanges[0].status, c.status);
    EXPECT_EQ(w.exchanges[0].response_body_bytes, 0u);
    EXPECT_EQ(w.exchanges[1].status, 200);
  }
}

TEST(Http1Messages, CustomMethodsAndToleratedLineEnds) {
  Wire w(Role::kServer);
  w.receive("\r\n\r\n");
  w.receive("\nX-PURGE_2! /y HTTP/1.1\nHost: n\n\n");
  w.send("HTTP/1.1 200\nContent-Length: 0\n\n");
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].method, "X-PURGE_2!");
  EXPECT_EQ(w.exchanges[0].host, "n");
  EXPECT_EQ(w.exchanges[0].request_first_ns, 20u);
}

TEST(Http1Messages, InterimResponsesArePassedOver) {
  Wire w(Role::kServer);
  w.receive("PUT /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  w.send("HTTP/1.1 100 Continue\r\n\r\n");
  w.send("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n");
  w.receive("abc");
  w.send(kCreated);
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].status, 201);
  EXPECT_EQ(w.exchanges[0].request_body_bytes, 3u);
  EXPECT_EQ(w.exchanges[0].request_last_ns, 40u);
  EXPECT_EQ(w.exchanges[0].response_first_ns, 50u);
}

TEST(Http1Messages, RefusedExpectationIsOverWithoutABody) {
  Wire w(Role::kServer);
  w.receive("PUT /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 300\r\n\r\n");
  w.send("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n");
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].status, 417);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_EQ(w.exchanges[0].request_body_bytes, 0u);
  EXPECT_EQ(w.exchanges[0].end_ns, 20u);
  w.receive(kGet);  // the client went on without the body
  w.send(kOk);
  ASSERT_EQ(w.exchanges.size(), 2u);
  EXPECT_EQ(w.exchanges[1].target, "/a");
}

TEST(Http1Messages, RefusedExpectationWhoseBodyComesAllTheSame) {
  Wire w(Role::kServer);
  w.receive("PUT /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n");
  w.send("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
  w.receive("abc");
  w.receive(std::string("def") + std::string(kGet));
  w.send(kOk);
  ASSERT_EQ(w.exchanges.size(), 2u);
  EXPECT_EQ(w.exchanges[0].status, 401);
  EXPECT_EQ(w.exchanges[1].target, "/a");
  EXPECT_EQ(w.exchanges[1].request_body_bytes, 0u);
  EXPECT_EQ(w.counters.protocol_errors, 0u);
}

TEST(Http1Messages, AnsweredBeforeTheRequestIsWhole) {
  Wire w(Role::kServer);
  w.receive("POST /x HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc");
  w.send(kCreated);
  EXPECT_EQ(w.exchanges.size(), 0u);
  EXPECT_EQ(w.http.active_requests(), 1u);
  w.receive("def");
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_EQ(w.exchanges[0].request_body_bytes, 6u);
  EXPECT_EQ(w.exchanges[0].response_last_ns, 20u);
  EXPECT_EQ(w.exchanges[0].request_last_ns, 30u);
  EXPECT_EQ(w.exchanges[0].end_ns, 30u);
}

TEST(Http1Messages, AnsweredEarlyAndClosed) {
  Wire w(Role::kServer);
  w.receive("POST /x HTTP/1.1\r\nContent-Length: 600\r\n\r\nabc");
  w.send("HTTP/1.1 413 Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  w.end(Direction::kSend);
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_EQ(w.exchanges[0].status, 413);
  EXPECT_EQ(w.exchanges[0].request_body_bytes, 3u);
  EXPECT_EQ(w.exchanges[0].request_last_ns, 0u);
  EXPECT_EQ(w.exchanges[0].end_ns, 20u);
}

TEST(Http1Messages, TransferEncodingWinsOverContentLength) {
  Wire w(Role::kServer);
  w.receive(
      "POST / HTTP/1.1\r\nContent-Length: 99\r\nTransfer-Encoding: "
      "chunked\r\n\r\n1\r\na\r\n0\r\n\r\n");
  w.send(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: "
      "99\r\n\r\n2\r\nab\r\n0\r\n\r\n");
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].request_body_bytes, 1u);
  EXPECT_EQ(w.exchanges[0].response_body_bytes, 2u);
  EXPECT_EQ(w.counters.protocol_errors, 0u);
}

TEST(Http1Messages, RequestWithContradictingLengthsIsRefusedByTheServer) {
  Wire w(Role::kServer);
  w.receive(
      "POST /x HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nGET /evil "
      "HTTP/1.1\r\n\r\n");
  w.receive(kGet2);
  w.send("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n");
  w.close();
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].target, "/x");
  EXPECT_EQ(w.exchanges[0].status, 400);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_FALSE(w.exchanges[0].request_body_known);
  EXPECT_EQ(w.counters.protocol_errors, 1u);
}

TEST(Http1Messages, ResponseWithWrongLengthIsAProtocolError) {
  Wire w(Role::kClient);
  w.send(kGet);
  w.receive("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n");
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kProtocolError);
  EXPECT_EQ(w.exchanges[0].status, 200);
  EXPECT_FALSE(w.exchanges[0].response_body_known);
  EXPECT_EQ(w.exchanges[0].end_ns, 20u);
  EXPECT_EQ(w.counters.protocol_errors, 1u);
}

TEST(Http1Messages, WrongChunkFramingIsAProtocolError) {
  Wire w(Role::kClient);
  w.send(kGet);
  w.receive("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz");
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kProtocolError);
  EXPECT_EQ(w.exchanges[0].response_body_bytes, 3u);
  EXPECT_FALSE(w.exchanges[0].response_body_known);
}

TEST(Http1Messages, GarbageForAnAnswerIsAProtocolError) {
  Wire w(Role::kClient);
  w.send(kGet);
  w.receive("\x01\x02what is this\r\n\r\n");
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kProtocolError);
  EXPECT_EQ(w.exchanges[0].status, 0);
  EXPECT_EQ(w.counters.protocol_errors, 1u);
  EXPECT_FALSE(w.http.is_ignored());
  w.send(kGet2);  // it recovers at the next message
  w.receive(kOk);
  ASSERT_EQ(w.exchanges.size(), 2u);
  EXPECT_EQ(w.exchanges[1].outcome, Outcome::kComplete);
  EXPECT_EQ(w.exchanges[1].target, "/b");
}

TEST(Http1Messages, GarbageForEachAnswerIsGivenUp) {
  Wire w(Role::kClient);
  for (int i = 0; i < 8; ++i) {
    EXPECT_FALSE(w.http.is_ignored());
    w.send(kGet);
    w.receive("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n");
  }
  EXPECT_TRUE(w.http.is_ignored());
  EXPECT_EQ(w.exchanges.size(), 8u);
  EXPECT_EQ(w.counters.protocol_errors, 8u);
}

TEST(Http1Messages, GarbageAfterARequestIsCountedAndRecovered) {
  Wire w(Role::kServer);
  w.receive(kGet);
  w.send(kOk);
  w.receive(std::string("\x16\x03\x01 garbage"));
  w.send("HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(w.counters.protocol_errors, 1u);
  EXPECT_EQ(w.counters.orphan_responses, 1u);
  w.receive(kGet2);
  w.send(kNotFound);
  ASSERT_EQ(w.exchanges.size(), 2u);
  EXPECT_EQ(w.exchanges[1].target, "/b");
  EXPECT_EQ(w.exchanges[1].status, 404);
}

TEST(Http1Messages, UpgradeEndsTheExchangeAndTheConnection) {
  Wire w(Role::kServer);
  w.receive("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  w.send("HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n\x81\x05hello");
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_TRUE(w.exchanges[0].upgraded);
  EXPECT_EQ(w.exchanges[0].status, 101);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_EQ(w.exchanges[0].response_last_ns, 20u);
  EXPECT_EQ(w.exchanges[0].end_ns, 20u);
  EXPECT_TRUE(w.http.is_ignored());
  EXPECT_EQ(w.counters.upgraded_connections, 1u);
  w.receive(kGet);
  w.send(kOk);
  w.close();
  EXPECT_EQ(w.exchanges.size(), 1u);
}

TEST(Http1Messages, ConnectThatIsAcceptedBecomesATunnel) {
  Wire w(Role::kClient);
  w.send("CONNECT h:443 HTTP/1.1\r\nContent-Length: 5\r\n\r\n");
  w.receive("HTTP/1.1 200 Yes\r\nContent-Length: 7\r\n\r\n");
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_TRUE(w.exchanges[0].upgraded);
  EXPECT_EQ(w.exchanges[0].target, "h:443");
  EXPECT_TRUE(w.http.is_ignored());
}

TEST(Http1Messages, ConnectThatIsRefusedStaysHttp) {
  Wire w(Role::kClient);
  w.send("CONNECT h:443 HTTP/1.1\r\n\r\n");
  w.receive("HTTP/1.1 407 Auth\r\nContent-Length: 2\r\n\r\nno");
  w.send(kGet);
  w.receive(kOk);
  ASSERT_EQ(w.exchanges.size(), 2u);
  EXPECT_FALSE(w.exchanges[0].upgraded);
  EXPECT_EQ(w.exchanges[0].status, 407);
  EXPECT_EQ(w.exchanges[0].response_body_bytes, 2u);
  EXPECT_EQ(w.exchanges[1].status, 200);
}

TEST(Http1Messages, ClientThatSpeaksBeforeItsTunnelIsOpen) {
  Wire w(Role::kServer);
  w.receive("CONNECT h:443 HTTP/1.1\r\n\r\n");
  w.receive("\x16\x03\x01 hello");
  w.send("HTTP/1.1 200 Yes\r\n\r\n");
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_TRUE(w.exchanges[0].upgraded);
  EXPECT_EQ(w.exchanges[0].outcome, Outcome::kComplete);
  EXPECT_EQ(w.counters.early_upgrades, 1u);
  EXPECT_EQ(w.counters.protocol_errors, 0u);
}

TEST(Http1Messages, OtherProtocolsAreIgnoredFromTheirFirstBytes) {
  for (const std::string_view text : {"\x16\x03\x01\x02\x01\x01", "*1\r\n$4\r\nPING\r\n",
                                      "SSH-2.0-OpenSSH_9.2\r\n", "get key\r\n"}) {
    for (const Role role : {Role::kServer, Role::kClient, Role::kUnknown}) {
      Wire w(role);
      w.transfer(role == Role::kClient ? Direction::kSend : Direction::kReceive, text);
      EXPECT_TRUE(w.http.is_ignored()) << text;
      EXPECT_FALSE(w.http.is_http());
      EXPECT_EQ(w.counters.not_http_connections, 1u);
      EXPECT_EQ(w.http.buffered_bytes(), 0u);
    }
  }
}

TEST(Http1Messages, AServerThatSpeaksFirstIsNoHttp) {
  Wire w(Role::kServer);
  w.send("220 mail ESMTP\r\n");
  EXPECT_TRUE(w.http.is_ignored());
  EXPECT_EQ(w.counters.not_http_connections, 1u);
}

TEST(Http1Messages, Http2PrefaceIsIgnoredAndCounted) {
  Wire w(Role::kServer);
  w.receive("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  EXPECT_TRUE(w.http.is_ignored());
  EXPECT_EQ(w.counters.http2_connections, 1u);
  EXPECT_EQ(w.counters.not_http_connections, 0u);
}

TEST(Http1Messages, ResponseWithoutARequestIsAnOrphan) {
  Wire w(Role::kServer);
  w.send("HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n");
  w.close();
  EXPECT_EQ(w.exchanges.size(), 0u);
  EXPECT_EQ(w.counters.orphan_responses, 1u);
}

TEST(Http1Messages, RoleIsDecidedByTheFirstHead) {
  struct Case {
    Direction direction;
    std::string_view text;
    Role role;
  };
  for (const Case& c :
       {Case{Direction::kReceive, kGet, Role::kServer}, Case{Direction::kSend, kGet, Role::kClient},
        Case{Direction::kSend, kOk, Role::kServer},
        Case{Direction::kReceive, kOk, Role::kClient}}) {
    Wire w(Role::kUnknown);
    for (const char& byte : c.text) {
      EXPECT_EQ(w.http.role(), w.http.is_http() ? c.role : Role::kUnknown);
      w.transfer(c.direction, {&byte, 1});
    }
    EXPECT_EQ(w.http.role(), c.role);
  }
}

TEST(Http1Messages, HeadOf64KiBByteByByte) {
  Wire w(Role::kServer);
  const std::string request = "GET /" + std::string(9000, 'p') +
                              " HTTP/1.1\r\nA: " + std::string(56000, 'x') +
                              "\r\nHost: last\r\n\r\n";
  for (const char& c : request) w.receive({&c, 1});
  EXPECT_EQ(w.http.buffered_bytes(), 0u);
  w.send(kOk);
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].target, "/" + std::string(kMaxTargetBytes - 1, 'p'));
  EXPECT_EQ(w.exchanges[0].host, "last");
}

TEST(Http1Messages, HeadAtAndBeyondTheLimit) {
  const std::string start = "GET /a HTTP/1.1\r\nA: ";
  const auto head = [&](size_t bytes) {
    return start + std::string(bytes - start.size() - 4, 'x') + "\r\n\r\n";
  };
  for (const size_t piece : {size_t{1000}, size_t{200'000}}) {
    for (const size_t beyond : {size_t{0}, size_t{1}}) {
      Wire w(Role::kServer);
      const std::string text = head(kMaxHeadBytes + beyond);
      for (size_t i = 0; i < text.size(); i += piece)
        w.receive(std::string_view(text).substr(i, piece));
      EXPECT_EQ(w.counters.head_too_large, beyond);
      EXPECT_EQ(w.http.active_requests(), 1 - beyond);
      EXPECT_EQ(w.http.buffered_bytes(), 0u);
      w.send("HTTP/1.1 431 Large\r\nContent-Length: 0\r\n\r\n");
      EXPECT_EQ(w.exchanges.size(), 1 - beyond);
      EXPECT_EQ(w.counters.orphan_responses, beyond);
      w.receive(kGet2);
      w.send(kOk);
      ASSERT_EQ(w.exchanges.size(), 2 - beyond);
      EXPECT_EQ(w.exchanges.back().target, "/b");
      EXPECT_EQ(w.exchanges.back().status, 200);
    }
  }
}

TEST(Http1Messages, TextWithoutEndIsNotBufferedForEver) {
  Wire w(Role::kServer);
  const std::string piece(10'000, 'x');
  w.receive("GET /");
  for (int i = 0; i < 20; ++i) {
    w.receive(piece);
    EXPECT_LE(w.http.buffered_bytes(), kMaxHeadBytes);
  }
  EXPECT_TRUE(w.http.is_ignored());
  EXPECT_EQ(w.counters.head_too_large, 1u);
  EXPECT_EQ(w.counters.not_http_connections, 1u);
}

TEST(Http1Messages, MorePipelinedRequestsThanAreRememberedLeaveUnknown) {
  Wire w(Role::kServer);
  for (size_t i = 0; i <= ExchangeQueue::kMaxOpen; ++i) w.receive(kGet);
  EXPECT_EQ(w.exchanges.size(), ExchangeQueue::kMaxOpen);
  for (const HttpExchange& e : w.exchanges) EXPECT_EQ(e.outcome, Outcome::kUnknown);
  EXPECT_TRUE(w.http.is_ignored());
  EXPECT_EQ(w.counters.pipeline_overflows, 1u);
}

TEST(Http1Messages, KeepsConfiguredHeadersAndOnlyThose) {
  Wire w(Role::kServer, true, {.request_headers = {"x-id", "host"}, .response_headers = {"etag"}});
  w.receive("GET / HTTP/1.1\r\nHost: h\r\nX-ID: 1\r\nx-id: 2\r\n 3\r\nETag: q\r\n\r\n");
  w.send("HTTP/1.1 200 OK\r\nX-Id: 9\r\nETag: \"v\"\r\nContent-Length: 0\r\n\r\n");
  using Headers = std::vector<std::pair<std::string, std::string>>;
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].request_headers,
            (Headers{{"host", "h"}, {"x-id", "1"}, {"x-id", "2 3"}}));
  EXPECT_EQ(w.exchanges[0].response_headers, (Headers{{"etag", "\"v\""}}));
}

TEST(Http1Messages, SeveralTraceparentsAreAsGoodAsNone) {
  Wire w(Role::kServer);
  w.receive("GET / HTTP/1.1\r\ntraceparent: a\r\ntraceparent: b\r\n\r\n");
  w.send(kOk);
  ASSERT_EQ(w.exchanges.size(), 1u);
  EXPECT_EQ(w.exchanges[0].traceparent, "");
}

TEST(Http1Messages, SecondAnswerToOneRequestIsAnOrphan) {
  Wire w(Role::kServer);
  w.receive(kGet);
  w.send(kOk);
  w.send(kNotFound);
  w.receive(kGet2);
  w.send(kCreated);
  ASSERT_EQ(w.exchanges.size(), 2u);
  EXPECT_EQ(w.exchanges[0].status, 200);
  EXPECT_EQ(w.exchanges[1].status, 201);
  EXPECT_EQ(w.counters.orphan_responses, 1u);
}

}  // namespace
}  // namespace tacit::protocol::http1
