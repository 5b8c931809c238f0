// SPDX-License-Identifier: Apache-2.0
#include "cupti/governor.h"

#include <gtest/gtest.h>

#include "cupti/monotonic.h"

namespace tacit::cupti {
namespace {

constexpr uint32_t kOnePercent = 10'000;

struct GovernorTest : testing::Test {
  // `seconds` in which the tracing costs `share_ppm` of the time while it is on.
  void pass(uint32_t seconds, uint64_t share_ppm) {
    for (uint32_t at = 0; at < seconds; ++at) {
      if (governor.traces(now_ns)) overhead_ns += kSecond_ns / 1'000'000 * share_ppm;
      now_ns += kSecond_ns;
      governor.update(now_ns, overhead_ns);
    }
  }
  uint64_t now_ns = 1000 * kSecond_ns;
  uint64_t overhead_ns = 77;
  Governor governor{kOnePercent, now_ns};
};

TEST_F(GovernorTest, StaysWhileUnderTheBudget) {
  pass(1000, 9'000);
  EXPECT_EQ(governor.level(), GPU_TRACER_ACTIVE);
  EXPECT_TRUE(governor.traces(now_ns));
}

TEST_F(GovernorTest, TheFirstSecondsAreNotJudged) {
  pass(9, 900'000);
  pass(5, 1'000);
  EXPECT_EQ(governor.level(), GPU_TRACER_ACTIVE);
}

TEST_F(GovernorTest, ThreeWindowsOverTheBudgetAreAStepDown) {
  pass(10, 0);
  pass(2, 20'000);
  EXPECT_EQ(governor.level(), GPU_TRACER_ACTIVE);
  pass(1, 20'000);
  EXPECT_EQ(governor.level(), GPU_TRACER_NO_COPIES);
}

TEST_F(GovernorTest, OneBadSecondIsNone) {
  pass(10, 0);
  for (int at = 0; at < 50; ++at) {
    pass(2, 500'000);
    pass(1, 0);
  }
  EXPECT_EQ(governor.level(), GPU_TRACER_ACTIVE);
}

TEST_F(GovernorTest, GoesDownInOrderAndAtLastOff) {
  pass(13, 500'000);
  EXPECT_EQ(governor.level(), GPU_TRACER_NO_COPIES);
  pass(3, 500'000);
  EXPECT_EQ(governor.level(), GPU_TRACER_GRAPHS);
  pass(3, 500'000);
  EXPECT_EQ(governor.level(), GPU_TRACER_DUTY_CYCLE);
  pass(60, 500'000);  // 2.5 s in 60
  EXPECT_EQ(governor.level(), GPU_TRACER_OFF);
  EXPECT_FALSE(governor.traces(now_ns));
}

TEST_F(GovernorTest, DutyCycleTracesFiveSecondsInSixty) {
  pass(20, 50'000);
  ASSERT_EQ(governor.level(), GPU_TRACER_DUTY_CYCLE);
  uint32_t on = 0;
  for (int at = 0; at < 600; ++at) {
    on += governor.traces(now_ns) ? 1 : 0;
    pass(1, 50'000);  // 0.4 % over the cycle: stays
  }
  EXPECT_EQ(on, 50u);
  EXPECT_EQ(governor.level(), GPU_TRACER_DUTY_CYCLE);
}

TEST_F(GovernorTest, ACalmMinuteIsAStepUp) {
  pass(13, 20'000);
  ASSERT_EQ(governor.level(), GPU_TRACER_NO_COPIES);
  pass(60, 1'000);
  EXPECT_EQ(governor.level(), GPU_TRACER_NO_COPIES);
  pass(1, 1'000);
  EXPECT_EQ(governor.level(), GPU_TRACER_ACTIVE);
}

TEST_F(GovernorTest, NotQuiteCalmIsNoStepUp) {
  pass(13, 20'000);
  pass(1000, 7'000);
  EXPECT_EQ(governor.level(), GPU_TRACER_NO_COPIES);
}

TEST_F(GovernorTest, AStepUpThatDidNotLastMakesItWaitTwiceAsLong) {
  pass(13, 20'000);
  pass(61, 1'000);
  ASSERT_EQ(governor.level(), GPU_TRACER_ACTIVE);
  pass(3, 20'000);
  ASSERT_EQ(governor.level(), GPU_TRACER_NO_COPIES);
  pass(120, 1'000);
  EXPECT_EQ(governor.level(), GPU_TRACER_NO_COPIES);
  pass(1, 1'000);
  EXPECT_EQ(governor.level(), GPU_TRACER_ACTIVE);
}

TEST_F(GovernorTest, OffIsLeftAfterTenMinutes) {
  pass(79, 500'000);
  ASSERT_EQ(governor.level(), GPU_TRACER_OFF);  // for a second already
  pass(598, 0);
  EXPECT_EQ(governor.level(), GPU_TRACER_OFF);
  pass(1, 0);
  EXPECT_EQ(governor.level(), GPU_TRACER_DUTY_CYCLE);
  EXPECT_TRUE(governor.traces(now_ns));
}

TEST_F(GovernorTest, ABudgetOfNothingIsOffInTheEnd) {
  Governor none(0, now_ns);
  for (int at = 0; at < 100; ++at) none.update(now_ns += kSecond_ns, overhead_ns += 1'000'000);
  EXPECT_EQ(none.level(), GPU_TRACER_OFF);
}

}  // namespace
}  // namespace tacit::cupti
