// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/device/sampler_thread.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/gpu/device/fake_device.h"

namespace tacit::gpu {
namespace {

using std::chrono::milliseconds;

// Ends with the test's own time limit if it never comes.
template <typename Condition>
void until(const Condition& condition) {
  while (!condition()) std::this_thread::sleep_for(milliseconds(1));
}

TEST(SamplerThread, SamplesAndCountsEventsUntilItEnds) {
  FakeDevice fake("h100", "event 0 79\n");
  {
    const SamplerThread thread(milliseconds(5));
    until([&] {
      const auto snapshot = thread.snapshot();
      return !snapshot->xids.empty() && !snapshot->xids[0].second.counts.empty() &&
             snapshot->rounds >= 3;
    });
    EXPECT_EQ(thread.snapshot()->xids[0].second.counts[0].second, 1u);
    EXPECT_EQ(thread.snapshot()->devices.size(), 1u);
  }
  EXPECT_EQ(fake.calls().back(), "nvmlShutdown");
}

TEST(SamplerThread, ADriverThatHangsDoesNotKeepTheAgent) {
  FakeDevice fake("h100", "delay nvmlDeviceGetPowerUsage 4000\n");
  const auto thread = std::make_unique<SamplerThread>(milliseconds(5));
  until([&] { return fake.count("nvmlDeviceGetPowerUsage") == 1; });
  EXPECT_EQ(thread->snapshot()->rounds, 0u);
  // Its end is not asserted by a clock: the call is still under way when the destructor returns.
  const_cast<std::unique_ptr<SamplerThread>&>(thread).reset();
  EXPECT_EQ(fake.count("nvmlDeviceGetTotalEnergyConsumption"), 0u);
  until([&] { return fake.count("nvmlShutdown") == 1; });
}

}  // namespace
}  // namespace tacit::gpu
