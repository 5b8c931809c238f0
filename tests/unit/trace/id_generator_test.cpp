// SPDX-License-Identifier: Apache-2.0
#include "agent/trace/id_generator.h"

#include <gtest/gtest.h>

#include <set>

namespace tacit::trace {
namespace {

TEST(IdGenerator, IdsAreUniqueAndNeverZero) {
  IdGenerator ids(1);
  std::set<telemetry::TraceId> traces;
  std::set<telemetry::SpanId> spans;
  for (int i = 0; i < 10'000; ++i) {
    traces.insert(ids.trace_id());
    spans.insert(ids.span_id());
  }
  EXPECT_EQ(traces.size(), 10'000u);
  EXPECT_EQ(spans.size(), 10'000u);
  EXPECT_FALSE(traces.contains(telemetry::TraceId{}));
  EXPECT_FALSE(spans.contains(telemetry::SpanId{}));
}

TEST(IdGenerator, ASeedRepeatsAndTheKernelDoesNot) {
  EXPECT_EQ(IdGenerator(7).trace_id(), IdGenerator(7).trace_id());
  EXPECT_NE(IdGenerator(7).trace_id(), IdGenerator(8).trace_id());
  EXPECT_NE(IdGenerator().trace_id(), IdGenerator().trace_id());
}

}  // namespace
}  // namespace tacit::trace
