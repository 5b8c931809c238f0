// SPDX-License-Identifier: Apache-2.0
// What sums are made of: covered time, gaps in sequences, named kernels, thread numbers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>

#include "agent/gpu/kernels/interval_union.h"
#include "agent/gpu/kernels/sequence_gaps.h"
#include "agent/gpu/kernels/thread_ids.h"
#include "agent/gpu/kernels/top_kernels.h"

namespace tacit::gpu {
namespace {

TEST(IntervalUnionTest, EachMomentCountsOnce) {
  IntervalUnion busy(1000);
  EXPECT_EQ(busy.covered_ns(), 0u);
  busy.add(10, 20);
  busy.add(15, 30);  // overlaps
  busy.add(30, 40);  // touches
  busy.add(50, 60);
  busy.add(12, 18);  // late, within
  busy.add(45, 55);  // late, overlaps
  busy.add(0, 5);    // late, apart
  busy.add(70, 70);  // nothing
  busy.add(90, 80);  // reversed: nothing
  EXPECT_EQ(busy.covered_ns(), 5u + 30u + 15u);
  busy.add(0, 100);
  EXPECT_EQ(busy.covered_ns(), 100u);
  EXPECT_EQ(busy.size(), 1u);
  EXPECT_EQ(busy.late_ns(), 0u);
}

TEST(IntervalUnionTest, AnyOrderGivesTheSame) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<bool> covered(20000);
    IntervalUnion busy(100000);
    for (int i = 0; i < 2000; ++i) {
      const uint64_t begin = random() % 19000, end = begin + random() % (round % 2 ? 1000 : 5);
      busy.add(begin, end);
      for (uint64_t at = begin; at < end; ++at) covered[at] = true;
      if (i % 700 == 0) busy.covered_ns();
    }
    const auto expected = static_cast<uint64_t>(std::count(covered.begin(), covered.end(), true));
    ASSERT_EQ(busy.covered_ns(), expected);
    ASSERT_EQ(busy.covered_ns(3000, 7000),
              static_cast<uint64_t>(std::count(covered.begin() + 3000, covered.begin() + 7000, true)));
  }
}

TEST(IntervalUnionTest, IsBoundedAndSaysWhatCameTooLate) {
  IntervalUnion busy(100);
  for (uint64_t i = 0; i < 10000; ++i) busy.add(i * 10, i * 10 + 4);
  EXPECT_EQ(busy.covered_ns(), 40000u);
  EXPECT_LE(busy.size(), 100u);
  EXPECT_EQ(busy.covered_ns(0, 1000), std::nullopt);
  EXPECT_EQ(busy.covered_ns(99900, 100000), 40u);
  busy.add(5, 9);  // long sealed
  EXPECT_EQ(busy.covered_ns(), 40000u);
  EXPECT_EQ(busy.late_ns(), 4u);
}

TEST(IntervalUnionTest, BackwardsIsBoundedToo) {
  IntervalUnion busy(64);
  for (uint64_t i = 10000; i > 0; --i) busy.add(i * 10, i * 10 + 4);
  EXPECT_LE(busy.size(), 64u);
  EXPECT_EQ(busy.covered_ns() + busy.late_ns(), 40000u);
}

TEST(IntervalUnionTest, SealsWhatIsOld) {
  IntervalUnion busy(100);
  busy.add(0, 10);
  busy.add(20, 30);
  busy.add(40, 50);
  busy.seal_before(30);
  EXPECT_EQ(busy.size(), 1u);
  EXPECT_EQ(busy.covered_ns(), 30u);
  busy.add(25, 45);
  EXPECT_EQ(busy.covered_ns(), 40u);
  EXPECT_EQ(busy.late_ns(), 5u);
  busy.set_limit(2);
  EXPECT_EQ(busy.covered_ns(), 40u);
}

TEST(SequenceGapsTest, GapsAreCountedOnceCertain) {
  SequenceGaps gaps;
  gaps.see(5);  // it began before
  gaps.see(6);
  gaps.see(9);  // 7 and 8 may still come
  EXPECT_EQ(gaps.lost(), 0u);
  gaps.see(8);
  gaps.finish();
  EXPECT_EQ(gaps.lost(), 1u);
}

TEST(SequenceGapsTest, OldGapsAreLost) {
  SequenceGaps gaps;
  for (uint64_t i = 0; i < 1000; ++i)
    if (i % 10 != 3) gaps.see(i);
  EXPECT_EQ(gaps.lost(), 94u);  // up to 933; the window of 64 begins behind
  gaps.finish();
  EXPECT_EQ(gaps.lost(), 100u);
}

TEST(SequenceGapsTest, JumpsAndRestarts) {
  SequenceGaps gaps;
  gaps.see(0);
  gaps.see(2);
  gaps.see(1002);
  gaps.finish();
  EXPECT_EQ(gaps.lost(), 1u + 999u);
  gaps.see(0);  // another library in the same process
  gaps.see(1);
  gaps.see(0);  // and again
  gaps.see(1);
  gaps.finish();
  EXPECT_EQ(gaps.lost(), 1000u);
}

TEST(SequenceGapsTest, AnyNumbersAreHarmless) {
  SequenceGaps gaps;
  for (const uint64_t number : {UINT64_MAX, uint64_t{1}, UINT64_MAX - 1, uint64_t{7}, UINT64_MAX})
    gaps.see(number);
  gaps.finish();
  EXPECT_EQ(gaps.lost(), 0u);
  gaps.see(1);
  gaps.see(UINT64_MAX);
  gaps.finish();
  EXPECT_EQ(gaps.lost(), UINT64_MAX - 2);
}

TEST(TopKernelsTest, FirstOnesHaveNamesAtOnce) {
  TopKernels top;
  const auto a = top.intern("a"), b = top.intern("b");
  EXPECT_EQ(top.intern("a"), a);
  EXPECT_EQ(top.intern("other"), TopKernels::kOther);
  top.add(a, 10);
  top.add(a, 20);
  top.add(b, 5);
  top.add(TopKernels::kOther, 3);
  top.add(12345, 4);  // no such label
  const auto named = top.named();
  ASSERT_EQ(named.size(), 2u);
  EXPECT_EQ(named[0].label, "a");
  EXPECT_EQ(named[0].time_ns, 30u);
  EXPECT_EQ(named[0].count, 2u);
  EXPECT_EQ(named[1].time_ns, 5u);
  EXPECT_EQ(top.other().time_ns, 7u);
  EXPECT_EQ(top.other().count, 2u);
}

TEST(TopKernelsTest, NamesFollowTheTimeAndNoFigureFalls) {
  TopKernels top;
  std::vector<uint16_t> labels;
  for (int i = 0; i < 40; ++i) labels.push_back(top.intern("kernel" + std::to_string(i)));
  for (int i = 0; i < 40; ++i) top.add(labels[static_cast<size_t>(i)], 1);
  EXPECT_EQ(top.named().size(), TopKernels::kNamed);
  EXPECT_EQ(top.other().time_ns, 20u);
  top.add(labels[39], 1000);
  EXPECT_EQ(top.other().time_ns, 1020u);  // it has no name yet
  top.rebalance();
  top.add(labels[39], 500);
  EXPECT_EQ(top.other().time_ns, 1020u);
  const auto named = top.named();
  EXPECT_EQ(named.size(), TopKernels::kNamed);
  EXPECT_EQ(named.back().label, "kernel39");
  EXPECT_EQ(named.back().time_ns, 500u);
  uint64_t sum = top.other().time_ns;
  for (const auto& each : named) sum += each.time_ns;
  EXPECT_EQ(sum, 1540u - 1u);  // one named kernel lost its name, and with it its 1 ns of the page
}

TEST(TopKernelsTest, LabelsAreBounded) {
  TopKernels top;
  for (size_t i = 0; i < TopKernels::kMaxLabels; ++i)
    EXPECT_EQ(top.intern("k" + std::to_string(i)), i);
  EXPECT_EQ(top.intern("one more"), TopKernels::kOther);
  EXPECT_EQ(top.intern("k7"), 7u);
}

class ThreadIdsTest : public ::testing::Test {
 protected:
  ThreadIdsTest() : root_(::testing::TempDir() + "tacit-threads") {
    std::filesystem::remove_all(root_);
  }
  ~ThreadIdsTest() override { std::filesystem::remove_all(root_); }

  void status(const std::string& place, const std::string& ids) {
    std::filesystem::create_directories(root_ + place);
    std::ofstream(root_ + place + "/status") << "Name:\tx\nNSpid:" << ids << "\nVmPeak: 1\n";
  }

  static constexpr uint64_t kSecond = 1'000'000'000;
  std::string root_;
};

TEST_F(ThreadIdsTest, TheHostsOwnNamesStay) {
  status("/50", "\t50");
  ThreadIds threads(root_);
  EXPECT_EQ(threads.host_tid(50, 51, 1), 51u);
  EXPECT_EQ(threads.host_tid(50, 0, 1), 0u);
}

TEST_F(ThreadIdsTest, AContainersNamesAreTranslated) {
  status("/500", "\t500\t1");
  status("/500/task/500", "\t500\t1");
  status("/500/task/510", "\t510\t9");
  ThreadIds threads(root_);
  EXPECT_EQ(threads.host_tid(500, 9, 1), 510u);
  EXPECT_EQ(threads.host_tid(500, 1, 1), 500u);
  status("/500/task/520", "\t520\t17");
  EXPECT_EQ(threads.host_tid(500, 17, kSecond / 2), 0u);  // /proc is read once a second
  EXPECT_EQ(threads.host_tid(500, 17, kSecond + 1), 520u);
  EXPECT_EQ(threads.host_tid(500, 9, kSecond + 1), 510u);
  EXPECT_EQ(threads.host_tid(77, 9, 1), 0u);  // no such process
}

}  // namespace
}  // namespace tacit::gpu
