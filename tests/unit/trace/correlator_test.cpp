// SPDX-License-Identifier: Apache-2.0
#include "agent/trace/correlator.h"

#include <gtest/gtest.h>

namespace tacit::trace {
namespace {

using connection::Role;

constexpr char kSampled[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr char kUnsampled[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02";
constexpr telemetry::TraceId kTraceId = {0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6,
                                         0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36};
constexpr telemetry::SpanId kParentId = {0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7};

Correlator correlator(const char* sampler) {
  return Correlator(*Sampler::create({sampler, 1.0}), IdGenerator(1));
}

protocol::HttpExchange exchange(Role role, const char* traceparent) {
  protocol::HttpExchange exchange;
  exchange.role = role;
  exchange.traceparent = traceparent;
  exchange.tracestate = "vendor=1";
  return exchange;
}

TEST(Correlator, AServerContinuesTheTrace) {
  telemetry::Span span;
  EXPECT_TRUE(correlator("parentbased_always_on").assign(span, exchange(Role::kServer, kSampled)));
  EXPECT_EQ(span.trace_id, kTraceId);
  EXPECT_EQ(span.parent_span_id, kParentId);
  EXPECT_NE(span.span_id, telemetry::SpanId{});
  EXPECT_NE(span.span_id, kParentId);
  EXPECT_TRUE(span.parent_is_remote);
  EXPECT_EQ(span.trace_flags, 1);
  EXPECT_EQ(span.trace_state, "vendor=1");
  ASSERT_EQ(span.attributes.size(), 1u);
  EXPECT_EQ(span.attributes[0].key, "tacit.parent.source");
  EXPECT_EQ(std::get<std::string>(span.attributes[0].value), "traceparent");
}

TEST(Correlator, AClientJoinsTheSpanOfItsOwnHeader) {
  telemetry::Span span;
  EXPECT_TRUE(correlator("parentbased_always_on").assign(span, exchange(Role::kClient, kSampled)));
  EXPECT_EQ(span.trace_id, kTraceId);
  EXPECT_EQ(span.parent_span_id, kParentId);
  EXPECT_FALSE(span.parent_is_remote);
}

TEST(Correlator, WithoutAHeaderEachSpanIsARoot) {
  Correlator roots = correlator("parentbased_always_on");
  telemetry::Span first;
  telemetry::Span second;
  EXPECT_TRUE(roots.assign(first, exchange(Role::kServer, "")));
  EXPECT_TRUE(roots.assign(second, exchange(Role::kServer, "garbage")));
  EXPECT_EQ(first.parent_span_id, telemetry::SpanId{});
  EXPECT_EQ(second.parent_span_id, telemetry::SpanId{});
  EXPECT_NE(first.trace_id, second.trace_id);
  EXPECT_EQ(first.trace_flags, 1);
  EXPECT_EQ(first.trace_state, "");  // tracestate without traceparent means nothing
  EXPECT_TRUE(first.attributes.empty());
}

TEST(Correlator, TheParentsDecisionIsRespected) {
  SpanIds ids;
  EXPECT_FALSE(
      correlator("parentbased_always_on").keep(exchange(Role::kServer, kUnsampled), ids));
  EXPECT_EQ(ids.trace_flags, 2);  // other flags pass
  EXPECT_TRUE(correlator("always_on").keep(exchange(Role::kServer, kUnsampled), ids));
  EXPECT_EQ(ids.trace_flags, 3);
  EXPECT_TRUE(
      correlator("parentbased_always_off").keep(exchange(Role::kServer, kSampled), ids));
  EXPECT_FALSE(correlator("parentbased_always_off").keep(exchange(Role::kServer, ""), ids));
  EXPECT_EQ(ids.trace_flags, 0);
  EXPECT_EQ(ids.parent_span_id, telemetry::SpanId{});
}

}  // namespace
}  // namespace tacit::trace
