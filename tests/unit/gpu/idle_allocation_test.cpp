// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/idle_allocation.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/metrics/metric_reading.h"

namespace tacit::gpu {
namespace {

constexpr uint64_t kSecond = 1'000'000'000, kNow = 1000 * kSecond;
constexpr uint32_t kPid = 77;

TEST(IdleSinceTest, NobodyCanTell) {
  EXPECT_EQ(idle_since_ns({}), std::nullopt);
  const SeenActivity blind{.last_ns = 50, .since_ns = 0};
  EXPECT_EQ(idle_since_ns(std::span(&blind, 1)), std::nullopt);
}

TEST(IdleSinceTest, TheNewestActivityCountsAndElseTheLongestWatch) {
  using Tiers = std::vector<SeenActivity>;
  EXPECT_EQ(idle_since_ns(Tiers{{0, 30}}), 30u);
  EXPECT_EQ(idle_since_ns(Tiers{{40, 30}}), 40u);
  EXPECT_EQ(idle_since_ns(Tiers{{0, 30}, {0, 20}}), 20u);
  EXPECT_EQ(idle_since_ns(Tiers{{40, 30}, {70, 60}}), 70u);
  EXPECT_EQ(idle_since_ns(Tiers{{40, 30}, {0, 60}}), 40u);
  // What went blind still knows what it saw, but not what came after.
  EXPECT_EQ(idle_since_ns(Tiers{{50, 0}, {40, 30}}), 50u);
  EXPECT_EQ(idle_since_ns(Tiers{{50, 0}, {0, 60}}), 60u);
  EXPECT_EQ(idle_since_ns(Tiers{{50, 0}, {0, 0}}), std::nullopt);
}

// What the tiers tell of one observed process; another one, 78, is not observed.
class IdleAllocationTest : public ::testing::Test {
 protected:
  ProcessFigures& on_device(std::optional<uint64_t> memory_bytes, uint64_t last_s, uint64_t since_s) {
    snapshot_.taken_ns = kNow;
    return snapshot_.devices.emplace_back().processes.emplace_back(
        ProcessFigures{.pid = kPid, .memory_bytes = memory_bytes, .sm = {}, .memory = {},
                       .encoder = {}, .decoder = {}, .last_active_ns = last_s * kSecond,
                       .looked_since_ns = since_s * kSecond});
  }

  event::CudaWatch& watched(uint64_t since_s) {
    return watches_.emplace_back(event::CudaWatch{kPid, since_s * kSecond, std::nullopt});
  }

  static cuda_totals holding(uint64_t bytes) {
    cuda_totals totals{};
    totals.allocations[CUDA_MEMORY_DEVICE] = 2;
    totals.held_bytes[CUDA_MEMORY_DEVICE] = bytes;
    return totals;
  }

  // Of the observed process; -1: there is no series.
  double value(const std::string& name, uint64_t idle_after_ns = IdleAllocation::kIdleAfterNs) {
    const auto resource =
        std::make_shared<const telemetry::Resource>(metrics::resource(1, "train", "host:1"));
    const auto observed = std::make_shared<const std::vector<metrics::ObservedProcess>>(
        std::vector{metrics::ObservedProcess{kPid, 0, resource}});
    const IdleAllocation idle({[=] { return observed; },
                               [this] { return std::make_shared<const DeviceSnapshot>(snapshot_); },
                               [this] { return watches_; },
                               [this](uint32_t pid) { return pid == kPid ? work_ : std::nullopt; },
                               [] { return kNow; }},
                              idle_after_ns);
    const auto families = idle.collect();
    EXPECT_LE(metrics::series_count(families, name), 1u);
    const auto* found = metrics::series(
        families, name, {{"job", "train"}, {"instance", "host:1"}, {"process_pid", "77"}});
    return found == nullptr ? -1 : found->gauge.value;
  }
  double bytes() { return value("gpu_idle_allocated_bytes"); }
  double idle_s() { return value("gpu_idle_seconds"); }

  DeviceSnapshot snapshot_;
  std::vector<event::CudaWatch> watches_;
  std::optional<TracedWork> work_;
};

TEST_F(IdleAllocationTest, NothingIsKnownOfAProcess) {
  EXPECT_EQ(idle_s(), -1);
  watched(100);  // it has the libraries, and never used them
  EXPECT_EQ(idle_s(), -1);
  EXPECT_EQ(bytes(), -1);
}

TEST_F(IdleAllocationTest, TheDriverAlone) {
  on_device(4000, 930, 500);
  EXPECT_EQ(idle_s(), 70);
  EXPECT_EQ(bytes(), 4000);
  snapshot_.devices[0].processes[0].last_active_ns = 941 * kSecond;
  EXPECT_EQ(idle_s(), 59);
  EXPECT_EQ(bytes(), 0);
  EXPECT_EQ(value("gpu_idle_allocated_bytes", 59 * kSecond), 4000);
  snapshot_.devices[0].processes[0].last_active_ns = 0;
  EXPECT_EQ(idle_s(), 500);
  EXPECT_EQ(bytes(), 4000);
}

TEST_F(IdleAllocationTest, AProcessOnTwoDevicesIdlesOnlyOnBoth) {
  on_device(4000, 0, 500);
  on_device(300, 990, 600);
  EXPECT_EQ(idle_s(), 10);
  EXPECT_EQ(bytes(), 0);
  snapshot_.devices[1].processes[0].last_active_ns = 0;
  EXPECT_EQ(idle_s(), 400);
  EXPECT_EQ(bytes(), 4300);
}

TEST_F(IdleAllocationTest, WhatTheDriverCannotTell) {
  on_device(4000, 0, 0);  // as under MIG
  EXPECT_EQ(idle_s(), -1);
  EXPECT_EQ(bytes(), -1);
  watched(800);  // not one call since
  EXPECT_EQ(idle_s(), 200);
  EXPECT_EQ(bytes(), 4000);
  snapshot_.devices[0].processes[0].memory_bytes.reset();
  EXPECT_EQ(idle_s(), -1);
}

TEST_F(IdleAllocationTest, OldFiguresOfTheDriverAreNone) {
  on_device(4000, 930, 500);
  snapshot_.taken_ns = kNow - 11 * kSecond;
  EXPECT_EQ(bytes(), -1);
}

TEST_F(IdleAllocationTest, TheCallsAlone) {
  watched(100).totals = holding(500);
  EXPECT_EQ(idle_s(), 900);  // it allocates and never launched
  EXPECT_EQ(bytes(), 500);
  watches_[0].totals->last_launch_ns = 900 * kSecond;
  EXPECT_EQ(idle_s(), 100);
  EXPECT_EQ(bytes(), 500);
  watches_[0].totals->last_move_ns = 950 * kSecond;
  EXPECT_EQ(idle_s(), 50);
  EXPECT_EQ(bytes(), 0);
  *watches_[0].totals = {};
  watches_[0].totals->last_launch_ns = 900 * kSecond;
  EXPECT_EQ(idle_s(), 100);
  EXPECT_EQ(bytes(), -1);  // what it allocated before is not known
}

TEST_F(IdleAllocationTest, TheTracerAloneKnowsNoMemory) {
  work_ = TracedWork{.last_ns = 900 * kSecond, .looks_since_ns = 200 * kSecond};
  EXPECT_EQ(idle_s(), 100);
  EXPECT_EQ(bytes(), -1);
  work_->looks_since_ns = 0;
  EXPECT_EQ(idle_s(), -1);
}

TEST_F(IdleAllocationTest, AllTogether) {
  on_device(4000, 700, 500);
  watched(100).totals = holding(500);
  watches_[0].totals->last_launch_ns = 750 * kSecond;
  work_ = TracedWork{.last_ns = 800 * kSecond, .looks_since_ns = 0};
  EXPECT_EQ(idle_s(), 200);
  EXPECT_EQ(bytes(), 4000);  // the driver's figure: also what no call asked for
}

}  // namespace
}  // namespace tacit::gpu
