// SPDX-License-Identifier: Apache-2.0
#include "agent/protocol/http1/start_line.h"

#include <gtest/gtest.h>

#include <string>

namespace tacit::protocol::http1 {
namespace {

Start judge(std::string_view text, Expect expect = Expect::kEither) {
  return StartLine(expect).feed(text);
}

TEST(StartLine, ReadsARequestLine) {
  const std::string_view text = "PATCH /x?y=1#z HTTP/1.0\r\nHost: a\r\n";
  StartLine line(Expect::kRequest);
  EXPECT_EQ(line.feed(text), Start::kRequest);
  EXPECT_EQ(line.method(text), "PATCH");
  EXPECT_EQ(line.target(text), "/x?y=1#z");
  EXPECT_EQ(line.minor_version(), 0);
  EXPECT_EQ(line.line_bytes(), 25u);
}

TEST(StartLine, ReadsAStatusLine) {
  StartLine line(Expect::kResponse);
  EXPECT_EQ(line.feed("HTTP/1.1 404 Not Found\r\nX: y\r\n"), Start::kResponse);
  EXPECT_EQ(line.status(), 404);
  EXPECT_EQ(line.minor_version(), 1);
  EXPECT_EQ(line.line_bytes(), 24u);
  EXPECT_EQ(judge("HTTP/1.1 200\r\n"), Start::kResponse);
  EXPECT_EQ(judge("HTTP/1.1 200\n"), Start::kResponse);
  EXPECT_EQ(judge("HTTP/1.0 999 \n"), Start::kResponse);
}

TEST(StartLine, GivesTheSameAnswerByteByByte) {
  for (const std::string_view text :
       {"GET / HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\n", "a!#$%&'*+-.^_`|~9 http://h:1/ HTTP/1.7\r\n",
        "HTTP/1.1 100 Continue\r\n", "HTTP/1.0 200\n", "PRI * HTTP/2.0\r\n"}) {
    StartLine slow;
    Start result = Start::kMaybe;
    size_t needed = 0;
    while (needed < text.size() && result == Start::kMaybe)
      result = slow.feed(text.substr(0, ++needed));
    EXPECT_EQ(result, judge(text)) << text;
    EXPECT_NE(result, Start::kMaybe) << text;
    if (result != Start::kHttp2) {
      EXPECT_EQ(needed, text.size()) << text;
      EXPECT_EQ(slow.line_bytes(), text.size()) << text;
    }
  }
}

TEST(StartLine, RefusesOtherProtocols) {
  for (const std::string_view text : {"PING\r\n",
                                      "*1\r\n$4\r\nPING\r\n",
                                      "get foo\r\n",
                                      "SSH-2.0-OpenSSH_9.2\r\n",
                                      "220 mail.example.com ESMTP\r\n",
                                      "INVITE sip:a@b SIP/2.0\r\n",
                                      "GET /\r\n",
                                      "GET / HTTP/3.0\r\n",
                                      "GET / HTTP/1.1 x\r\n",
                                      "GET / HTTP/1.\r\n",
                                      "GET  HTTP/1.1\r\n",
                                      " GET / HTTP/1.1\r\n",
                                      "GET /a b HTTP/1.1\r\n",
                                      "GET /\x01 HTTP/1.1\r\n",
                                      "HTTP/1.1 20 OK\r\n",
                                      "HTTP/1.1 2000 OK\r\n",
                                      "HTTP/1.1 099 OK\r\n",
                                      "HTTP/1.1  200\r\n",
                                      "HTTP/2 200\r\n",
                                      "ICY 200 OK\r\n",
                                      "\x16\x03\x01\x02",
                                      "{\"a\":1}"})
    EXPECT_EQ(judge(text), Start::kNo) << text;
}

TEST(StartLine, AnswersOnlyWhatIsExpected) {
  EXPECT_EQ(judge("GET / HTTP/1.1\r\n", Expect::kResponse), Start::kNo);
  EXPECT_EQ(judge("HTTP/1.1 200 OK\r\n", Expect::kRequest), Start::kNo);
  EXPECT_EQ(judge("H", Expect::kResponse), Start::kMaybe);
  EXPECT_EQ(judge("HEAD / HTTP/1.1\r\n", Expect::kEither), Start::kRequest);
}

TEST(StartLine, BoundsTheMethod) {
  EXPECT_EQ(judge(std::string(32, 'M') + " / HTTP/1.1\r\n"), Start::kRequest);
  EXPECT_EQ(judge(std::string(33, 'M')), Start::kNo);
}

TEST(StartLine, KnowsTheHttp2Preface) {
  EXPECT_EQ(judge("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Start::kHttp2);
  EXPECT_EQ(judge("PRI * HTTP/2"), Start::kMaybe);
}

TEST(LooksLikeTls, KnowsRecordHeaders) {
  EXPECT_TRUE(looks_like_tls(std::string_view("\x16\x03\x01\x02\x00\x01", 6)));
  EXPECT_TRUE(looks_like_tls(std::string_view("\x17\x03\x03", 3)));
  EXPECT_FALSE(looks_like_tls(std::string_view("\x17\x03\x03\xff\xff", 5)));
  EXPECT_FALSE(looks_like_tls("GET / HTTP/1.1"));
  EXPECT_FALSE(looks_like_tls(std::string_view("\x16\x03", 2)));
}

}  // namespace
}  // namespace tacit::protocol::http1
