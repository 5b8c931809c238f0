// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/collective_groups.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>
#include <vector>

#include "agent/gpu/collective_metrics.h"
#include "tests/unit/metrics/metric_reading.h"

namespace tacit::gpu {
namespace {

constexpr uint64_t kUnit = uint64_t{1} << CUDA_OPERATION_TIME_SHIFT;
constexpr uint64_t kStart = 5'000'000 * kUnit;  // some 1.4 hours: the short times went round once
constexpr uint64_t kGroup = 0x1234, kGather = CollectiveGroups::kGatherNs;

class CollectiveGroupsTest : public ::testing::Test {
 protected:
  cuda_communicator& add(uint32_t pid, uint32_t ranks = 0, int32_t rank = -1, uint64_t number = 0,
                         uint64_t group = kGroup, uint64_t created_ns = kStart) {
    auto& made = communicators_[{pid, number}];
    made = {};
    made.created_ns = created_ns;
    made.group = group;
    made.number = number;
    made.ranks = ranks;
    made.rank = rank;
    return made;
  }

  // As the kernel side does it; times in units since kStart.
  static void enqueue(cuda_communicator& communicator, std::initializer_list<uint64_t> times) {
    for (const uint64_t time : times) {
      communicator.times[communicator.operations % CUDA_OPERATION_TIMES] =
          static_cast<uint32_t>((kStart + time * kUnit) >> CUDA_OPERATION_TIME_SHIFT);
      ++communicator.operations;
    }
  }

  void update(uint64_t units) {
    std::vector<event::CudaCommunicator> all;
    for (const auto& [key, state] : communicators_) all.push_back({key.first, state});
    groups_.update(all, kStart + units * kUnit);
  }

  RankFigures of(uint32_t pid, uint64_t number = 0) {
    for (const auto& figures : groups_.figures())
      if (figures.pid == pid && figures.number == number) return figures;
    ADD_FAILURE() << "no figures of " << pid;
    return {};
  }

  std::map<std::pair<uint32_t, uint64_t>, cuda_communicator> communicators_;
  CollectiveGroups groups_;
};

TEST_F(CollectiveGroupsTest, LateAndStalled) {
  auto &a = add(1, 3, 0), &b = add(2, 3, 1), &c = add(3, 3, 2);
  enqueue(a, {10, 50, 90});
  enqueue(b, {10, 60});
  enqueue(c, {40, 55});
  update(100);
  EXPECT_EQ(of(1).late_ns, 0u);
  EXPECT_EQ(of(1).stall_ns, (30 + 10) * kUnit);
  EXPECT_EQ(of(2).late_ns, 10 * kUnit);
  EXPECT_EQ(of(2).stall_ns, 30 * kUnit);
  EXPECT_EQ(of(3).late_ns, (30 + 5) * kUnit);
  EXPECT_EQ(of(3).stall_ns, 5 * kUnit);
  EXPECT_EQ(of(3).compared, 2u);
  EXPECT_EQ(of(3).observed_ranks, 3u);
  EXPECT_EQ(of(3).rank, 2);
  EXPECT_EQ(of(1).behind, 0u);
  EXPECT_EQ(of(1).behind_since_ns, std::nullopt);
  EXPECT_EQ(of(3).behind, 1u);
  EXPECT_EQ(of(3).behind_since_ns, kStart + 90 * kUnit);
  enqueue(b, {110});
  enqueue(c, {120});
  update(130);
  EXPECT_EQ(of(1).compared, 3u);
  EXPECT_EQ(of(3).late_ns, (30 + 5 + 30) * kUnit);
  EXPECT_EQ(of(3).behind, 0u);
}

TEST_F(CollectiveGroupsTest, OneRankAloneHasNothingToBeComparedWith) {
  auto& a = add(1, 8, 0);
  for (int i = 0; i < 10'000; ++i) enqueue(a, {static_cast<uint64_t>(i)});
  update(20'000);
  add(2, 8, 1, 0, kGroup + 1);
  update(30'000);
  EXPECT_EQ(of(1).observed_ranks, 1u);
  EXPECT_EQ(of(1).behind, std::nullopt);
  EXPECT_EQ(of(1).unmatched, 0u);
  EXPECT_EQ(of(1).compared, 0u);
}

TEST_F(CollectiveGroupsTest, WhoeverIsReadFirstWaitsForTheOthers) {
  enqueue(add(1), {10, 20});  // nobody said how many they are
  enqueue(add(2), {15, 20});
  update(30);
  EXPECT_EQ(of(1).compared, 0u);
  enqueue(add(3), {40, 40});
  update(50);
  EXPECT_EQ(of(1).compared, 0u);
  update(kGather / kUnit + 100);
  EXPECT_EQ(of(1).compared, 2u);
  EXPECT_EQ(of(3).late_ns, (30 + 20) * kUnit);
  // One that comes much later has no part in what is settled.
  enqueue(add(4), {60, 60, 60});
  update(kGather / kUnit + 200);
  EXPECT_EQ(of(4).unmatched, 2u);
  EXPECT_EQ(of(4).behind, 0u);
  EXPECT_EQ(of(1).behind, 1u);
  EXPECT_EQ(of(1).unmatched, 0u);
}

TEST_F(CollectiveGroupsTest, OverwrittenTimesAreCountedAndNotGuessed) {
  auto &a = add(1, 2, 0), &b = add(2, 2, 1);
  for (uint64_t i = 0; i < 600; ++i) {
    enqueue(a, {100 + 10 * i});
    if (i < 300) enqueue(b, {105 + 10 * i});
  }
  update(10'000);
  EXPECT_EQ(of(1).unmatched, 600u - CUDA_OPERATION_TIMES);
  EXPECT_EQ(of(2).unmatched, of(1).unmatched);
  EXPECT_EQ(of(1).compared, 300 - of(1).unmatched);
  EXPECT_EQ(of(2).late_ns, of(1).compared * 5 * kUnit);
  EXPECT_EQ(of(2).behind, 300u);
  // Torn while it was read: an old one among the new ones is not believed.
  a.times[600 % CUDA_OPERATION_TIMES] -= 5000;
  ++a.operations;
  enqueue(a, {10'020});
  for (uint64_t i = 300; i < 602; ++i) enqueue(b, {10'030});
  update(10'040);
  EXPECT_EQ(of(1).unmatched, 600u - CUDA_OPERATION_TIMES + 1);
  EXPECT_EQ(of(1).compared + of(1).unmatched, 602u);
}

TEST_F(CollectiveGroupsTest, TimesGoRound) {
  constexpr uint64_t kRound = uint64_t{1} << 32;
  auto &a = add(1, 2, 0), &b = add(2, 2, 1);
  const uint64_t edge = kRound - (kStart / kUnit) % kRound;
  update(edge - 1000);
  enqueue(a, {edge - 10});
  enqueue(b, {edge + 10});
  update(edge + 20);
  EXPECT_EQ(of(1).stall_ns, 20 * kUnit);
  EXPECT_EQ(of(2).late_ns, 20 * kUnit);
}

TEST_F(CollectiveGroupsTest, ARankThatHangsCostsBoundedMemoryAndItsLagStays) {
  auto &a = add(1, 2, 0), &b = add(2, 2, 1);  // the other may be somebody who forged the group
  enqueue(a, {10});
  enqueue(b, {12});
  for (uint64_t i = 0; i < 10'000; ++i) {
    enqueue(a, {100 + i});
    if (i % 200 == 0) update(101 + i);
  }
  update(20'000);
  EXPECT_EQ(of(2).behind, 10'000u);
  EXPECT_EQ(of(2).behind_since_ns, kStart + 100 * kUnit);
  EXPECT_EQ(of(1).unmatched, 10'000 - CollectiveGroups::kMaxPending);
  EXPECT_EQ(of(1).compared, 1u);
  b.operations = 10'001;  // all at once
  update(20'001);
  EXPECT_EQ(of(2).behind, 0u);
  EXPECT_EQ(of(1).compared + of(1).unmatched, 10'001u);
  EXPECT_EQ(of(2).compared + of(2).unmatched, 10'001u);
}

TEST_F(CollectiveGroupsTest, WhatFailedCannotBeCountedOn) {
  auto &a = add(1, 3, 0), &b = add(2, 3, 1);
  add(3, 3, 2);
  enqueue(a, {10});
  enqueue(b, {20, 30});
  b.failed = 1;
  update(2 * kGather / kUnit);
  EXPECT_EQ(of(2).behind, std::nullopt);
  EXPECT_EQ(of(1).observed_ranks, 2u);
  EXPECT_EQ(of(3).behind, 1u);
  EXPECT_EQ(of(3).behind_since_ns, kStart + 10 * kUnit);
}

TEST_F(CollectiveGroupsTest, EndsAndNewBeginnings) {
  auto &a = add(1, 2, 0), &b = add(2, 2, 1);
  enqueue(a, {10, 20});
  enqueue(b, {12, 22});
  a.ended = 1;
  update(30);
  EXPECT_EQ(of(2).compared, 2u);  // its last ones count
  EXPECT_EQ(groups_.figures().size(), 1u);
  communicators_.erase({1, 0});
  update(40);
  EXPECT_EQ(of(2).observed_ranks, 1u);
  EXPECT_EQ(of(2).behind, std::nullopt);
  // The process's number is another's now.
  add(2, 4, 3, 0, kGroup + 1, kStart + 50 * kUnit);
  update(60);
  EXPECT_EQ(of(2).compared, 0u);
  EXPECT_EQ(of(2).ranks, 4u);
  communicators_.clear();
  update(70);
  EXPECT_TRUE(groups_.empty());
}

TEST_F(CollectiveGroupsTest, WhatIsReadTwiceCountsOnce) {
  auto &a = add(1, 2, 0), &b = add(2, 2, 1);
  enqueue(a, {10});
  enqueue(b, {20});
  auto newer = b;  // the same number, made later
  newer.created_ns += kUnit;
  groups_.update({{1, a}, {2, b}, {1, a}, {2, newer}}, kStart + 30 * kUnit);
  EXPECT_EQ(of(1).observed_ranks, 2u);
  EXPECT_EQ(of(1).compared, 1u);
  EXPECT_EQ(of(2).late_ns, 10 * kUnit);
}

TEST_F(CollectiveGroupsTest, SeriesOfObservedProcesses) {
  for (uint64_t number = 0; number < 18; ++number)
    for (const uint32_t pid : {77u, 78u}) {
      auto& made = add(pid, 2, static_cast<int32_t>(pid - 77), number, kGroup + number);
      if (pid == 77) enqueue(made, {10, 20});
      else if (number == 0) enqueue(made, {15});
      else if (number == 17) enqueue(made, {11, 14});
    }
  const auto observed = std::make_shared<const std::vector<metrics::ObservedProcess>>(
      std::vector{metrics::ObservedProcess{
          78, 0, std::make_shared<const telemetry::Resource>(metrics::resource(1, "train", "host:1"))}});
  CollectiveMetrics source(
      [this] {
        std::vector<event::CudaCommunicator> all;
        for (const auto& [key, state] : communicators_) all.push_back({key.first, state});
        return all;
      },
      [=] { return observed; }, [] { return kStart + 1020 * kUnit; });
  EXPECT_EQ(source.tick(), CollectiveMetrics::kPeriodMs);
  const auto families = source.collect();
  const auto series = [&](const char* name, const char* communicator,
                          metrics::LabelMap more = {}) -> const prometheus::ClientMetric* {
    more.insert({{"job", "train"}, {"instance", "host:1"}, {"process_pid", "78"},
                 {"communicator", communicator}});
    return metrics::series(families, name, more);
  };
  ASSERT_TRUE(series("nccl_operations_behind", "0"));
  EXPECT_EQ(series("nccl_operations_behind", "0")->gauge.value, 1);
  EXPECT_DOUBLE_EQ(series("nccl_lag_seconds", "0")->gauge.value, 1000 * kUnit / 1e9);
  EXPECT_DOUBLE_EQ(series("nccl_late_seconds_total", "0")->counter.value, 5 * kUnit / 1e9);
  EXPECT_DOUBLE_EQ(series("nccl_stall_seconds_total", "0")->counter.value, 0);
  EXPECT_EQ(series("nccl_compared_operations_total", "0")->counter.value, 1);
  EXPECT_EQ(series("nccl_communicator_ranks", "0", {{"rank", "1"}})->gauge.value, 2);
  EXPECT_EQ(series("nccl_communicator_observed_ranks", "0")->gauge.value, 2);
  // 16 and 17: the worst, and the sums. Nothing of the process that is not observed.
  EXPECT_EQ(series("nccl_operations_behind", "other")->gauge.value, 2);
  EXPECT_DOUBLE_EQ(series("nccl_lag_seconds", "other")->gauge.value, 1010 * kUnit / 1e9);
  EXPECT_EQ(series("nccl_compared_operations_total", "other")->counter.value, 2);
  EXPECT_EQ(series("nccl_communicator_ranks", "other"), nullptr);
  EXPECT_EQ(metrics::series_count(families, "nccl_operations_behind"), 17u);
  communicators_.clear();
  EXPECT_EQ(source.tick(), CollectiveMetrics::kIdlePeriodMs);
}

}  // namespace
}  // namespace tacit::gpu
