// SPDX-License-Identifier: Apache-2.0
#include "agent/protocol/http1/head_parser.h"

#include <gtest/gtest.h>

namespace tacit::protocol::http1 {
namespace {

const std::vector<std::string> kNothing;

HeadFields parse(std::string_view text, size_t expected_bytes) {
  HeadFields fields;
  EXPECT_EQ(parse_fields(text, KeptNames(kNothing), fields), expected_bytes) << text;
  return fields;
}
HeadFields parse(std::string_view text) { return parse(text, text.size()); }

TEST(ParseFields, ReadsWhatTheAgentNeedsInAnyCase) {
  const HeadFields f = parse(
      "hOST:  example.org:80 \r\nUSER-AGENT: curl/8\r\nTraceParent: 00-a\r\nTraceState: k=v\r\n"
      "content-LENGTH:\t12\r\nExpect: 100-Continue\r\nUpgrade: websocket\r\nX: y\r\n\r\n");
  EXPECT_EQ(f.host, "example.org:80");
  EXPECT_EQ(f.user_agent, "curl/8");
  EXPECT_EQ(f.traceparent, "00-a");
  EXPECT_EQ(f.traceparents, 1u);
  ASSERT_EQ(f.tracestate_count, 1u);
  EXPECT_EQ(f.tracestates[0], "k=v");
  EXPECT_TRUE(f.has_length);
  EXPECT_FALSE(f.bad_length);
  EXPECT_EQ(f.length, 12u);
  EXPECT_TRUE(f.expect_continue);
  EXPECT_TRUE(f.upgrade);
  EXPECT_FALSE(f.folded);
}

TEST(ParseFields, StopsAtTheEmptyLine) {
  EXPECT_EQ(parse("Host: a\r\n\r\nHost: b\r\n\r\n", 11).host, "a");
  EXPECT_EQ(parse("Host: a\n\nrest", 9).host, "a");
  parse("\r\nrest", 2);
  parse("\nrest", 1);
}

TEST(ParseFields, WaitsForTheEmptyLine) {
  const std::string_view whole = "Host: a\r\nB: c\r\n\r\n";
  for (size_t n = 0; n < whole.size(); ++n) parse(whole.substr(0, n), 0);
  parse(whole, whole.size());
}

TEST(ParseFields, TakesTheFirstHostAndSkipsLinesThatAreNone) {
  const HeadFields f = parse("no colon\r\n: no name\r\nHost: a\r\nHost: b\r\nHost : c\r\n\r\n");
  EXPECT_EQ(f.host, "a");
}

TEST(ParseFields, JoinsFoldedLines) {
  const HeadFields f = parse("User-Agent: one\r\n two\r\n\t three\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(f.folded);
  std::string value;
  assign_value(value, f.user_agent, true, 100);
  EXPECT_EQ(value, "one two three");
  EXPECT_EQ(f.host, "h");
  assign_value(value, "a  b\r\n c", true, 100);
  EXPECT_EQ(value, "a  b c");
  assign_value(value, "a  b\r\n c", true, 2);
  EXPECT_EQ(value, "a ");
  assign_value(value, "abc", false, 2);
  EXPECT_EQ(value, "ab");
}

TEST(ParseFields, JudgesContentLength) {
  const auto length = [](std::string_view lines) { return parse(std::string(lines) + "\r\n"); };
  EXPECT_EQ(length("Content-Length: 5\r\nContent-Length: 5\r\n").length, 5u);
  EXPECT_FALSE(length("Content-Length: 5, 5\r\n").bad_length);
  EXPECT_TRUE(length("Content-Length: 5\r\nContent-Length: 6\r\n").bad_length);
  EXPECT_TRUE(length("Content-Length: 5, 6\r\n").bad_length);
  for (const std::string_view bad :
       {"-1", "+5", "0x5", "5 5", "", "5,", "1234567890123456789", "a"})
    EXPECT_TRUE(length("Content-Length: " + std::string(bad) + "\r\n").bad_length) << bad;
  EXPECT_EQ(length("Content-Length: 999999999999999999\r\n").length, 999999999999999999u);
}

TEST(ParseFields, JudgesTransferEncoding) {
  EXPECT_TRUE(parse("Transfer-Encoding: Chunked\r\n\r\n").chunked);
  EXPECT_TRUE(parse("Transfer-Encoding: gzip, chunked\r\n\r\n").chunked);
  EXPECT_TRUE(parse("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n").chunked);
  const HeadFields f = parse("Transfer-Encoding: chunked, gzip\r\n\r\n");
  EXPECT_TRUE(f.has_transfer_encoding);
  EXPECT_FALSE(f.chunked);
}

TEST(ParseFields, KeepsNamedHeaders) {
  const std::vector<std::string> names = {"x-request-id", "user-agent"};
  HeadFields f;
  parse_fields("X-Request-Id: 1\r\nUser-Agent: u\r\nx-request-id: 2\r\nOther: 3\r\n\r\n",
               KeptNames(names), f);
  using Kept = std::vector<std::pair<int, std::string_view>>;
  EXPECT_EQ(f.kept, (Kept{{0, "1"}, {1, "u"}, {0, "2"}}));
  EXPECT_EQ(f.user_agent, "u");
}

TEST(HeadEnd, FindsTheEndHoweverItArrives) {
  for (const std::string_view head :
       {"A: b\r\nC: d\r\n\r\n", "A: b\n\n", "\r\n", "\n", "A\r\n\n"}) {
    HeadEnd end;
    for (size_t n = 0; n < head.size(); ++n) EXPECT_EQ(end.find(head.substr(0, n)), 0u) << head;
    EXPECT_EQ(end.find(std::string(head) + "body\r\n\r\n"), head.size()) << head;
  }
}

}  // namespace
}  // namespace tacit::protocol::http1
