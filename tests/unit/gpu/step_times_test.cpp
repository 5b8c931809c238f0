// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/step_times.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace tacit::gpu {
namespace {

constexpr double kError = 0.002;  // as promised

TEST(StepTimes, NoStepsNoTime) { EXPECT_EQ(StepTimes().quantile_ns(0.5), 0u); }

TEST(StepTimes, QuantilesAreWithinTheirBucket) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> durations(17.0, 1.5);  // around 24 ms
  StepTimes times;
  std::vector<uint64_t> all;
  for (int i = 0; i < 20'000; ++i) {
    all.push_back(static_cast<uint64_t>(durations(random)) + 20'000);
    times.add(all.back());
  }
  std::sort(all.begin(), all.end());
  for (const double share : {0.01, 0.25, 0.5, 0.95, 0.99, 1.0}) {
    const auto index = static_cast<size_t>(share * static_cast<double>(all.size()) + 0.999999) - 1;
    const auto wanted = static_cast<double>(all[index]);
    EXPECT_NEAR(static_cast<double>(times.quantile_ns(share)), wanted, wanted * kError) << share;
  }
}

TEST(StepTimes, OfOneStep) {
  StepTimes times;
  times.add(10'000'000);
  for (const double share : {0.0, 0.5, 1.0})
    EXPECT_NEAR(static_cast<double>(times.quantile_ns(share)), 1e7, 1e7 * kError);
}

TEST(StepTimes, ExtremesShareTheOuterBuckets) {
  StepTimes times;
  times.add(0);
  times.add(UINT64_MAX);
  EXPECT_LT(times.quantile_ns(0.5), 20'000u);
  EXPECT_GT(times.quantile_ns(1.0), 4'000'000'000'000u);
}

}  // namespace
}  // namespace tacit::gpu
