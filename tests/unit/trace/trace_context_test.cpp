// SPDX-License-Identifier: Apache-2.0
#include "agent/trace/trace_context.h"

#include <gtest/gtest.h>

namespace tacit::trace {
namespace {

constexpr char kTrace[] = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr char kSpan[] = "00f067aa0ba902b7";

std::string header(const std::string& version, const std::string& trace, const std::string& span,
                   const std::string& flags) {
  return version + "-" + trace + "-" + span + "-" + flags;
}

TEST(TraceParent, Version00) {
  const auto context = parse_traceparent(header("00", kTrace, kSpan, "01"));
  ASSERT_TRUE(context.has_value());
  EXPECT_EQ(context->trace_id[0], 0x4b);
  EXPECT_EQ(context->trace_id[15], 0x36);
  EXPECT_EQ(context->span_id[1], 0xf0);
  EXPECT_EQ(context->span_id[7], 0xb7);
  EXPECT_EQ(context->flags, 1);
  EXPECT_TRUE(parse_traceparent("  " + header("00", kTrace, kSpan, "00") + " ").has_value());
}

TEST(TraceParent, LaterVersionsMayBeLonger) {
  EXPECT_TRUE(parse_traceparent(header("cc", kTrace, kSpan, "01")).has_value());
  EXPECT_TRUE(parse_traceparent(header("cc", kTrace, kSpan, "01-what-comes")).has_value());
  EXPECT_FALSE(parse_traceparent(header("cc", kTrace, kSpan, "01x")).has_value());
  EXPECT_FALSE(parse_traceparent(header("00", kTrace, kSpan, "01-more")).has_value());
}

TEST(TraceParent, Invalid) {
  const std::string zeros(32, '0');
  EXPECT_FALSE(parse_traceparent("").has_value());
  EXPECT_FALSE(parse_traceparent(header("ff", kTrace, kSpan, "01")).has_value());
  EXPECT_FALSE(parse_traceparent(header("00", zeros, kSpan, "01")).has_value());
  EXPECT_FALSE(parse_traceparent(header("00", kTrace, zeros.substr(16), "01")).has_value());
  EXPECT_FALSE(
      parse_traceparent(header("00", "4BF92F3577B34DA6A3CE929D0E0E4736", kSpan, "01")).has_value());
  EXPECT_FALSE(parse_traceparent(header("00", kTrace, kSpan, "0g")).has_value());
  EXPECT_FALSE(parse_traceparent(header("00", kTrace, "00f067aa0ba902b", "01")).has_value());
  EXPECT_FALSE(parse_traceparent(std::string("00") + "_" + kTrace + "_" + kSpan + "_01").has_value());
}

TEST(TraceState, KeepsValidMembers) {
  EXPECT_EQ(valid_tracestate(""), "");
  EXPECT_EQ(valid_tracestate("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
            "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
  EXPECT_EQ(valid_tracestate(" a=1 , ,b=2,"), "a=1,b=2");
}

TEST(TraceState, InvalidIsLeftOut) {
  EXPECT_EQ(valid_tracestate("a"), "");
  EXPECT_EQ(valid_tracestate("=1"), "");
  EXPECT_EQ(valid_tracestate("a=\x01"), "");
  EXPECT_EQ(valid_tracestate("a=1,b=\xFF"), "");
  std::string many;
  for (int i = 0; i < 33; ++i) many += "k" + std::to_string(i) + "=v,";
  EXPECT_EQ(valid_tracestate(many), "");
}

TEST(TraceState, LongIsCutAtAMember) {
  const std::string first = "a=" + std::string(300, 'x');
  const std::string second = "b=" + std::string(300, 'y');
  EXPECT_EQ(valid_tracestate(first + "," + second), first);
  const std::string exact = "a=" + std::string(510, 'x');
  EXPECT_EQ(valid_tracestate(exact).size(), 512u);
}

}  // namespace
}  // namespace tacit::trace
