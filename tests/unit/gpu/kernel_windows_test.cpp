// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/kernels/kernel_windows.h"

#include <gtest/gtest.h>

namespace tacit::gpu {
namespace {

constexpr uint64_t kMs = 1'000'000, kSecond = 1'000'000'000;
constexpr uint32_t kPid = 100, kMain = 100, kAutograd = 101, kOther = 102;

class KernelWindowsTest : public ::testing::Test {
 protected:
  WindowId open(uint64_t begin_ms, uint32_t tid = kMain, WindowKind kind = WindowKind::kStep) {
    return windows_.open({kPid, tid, begin_ms * kMs, kind});
  }
  void close(WindowId id, uint64_t end_ms) { windows_.close(id, end_ms * kMs); }
  // A kernel that starts 1 ms after its launch.
  LinkRule kernel(uint64_t launch_ms, uint64_t length_ms, uint32_t tid,
                  KernelClass kernel_class = KernelClass::kGemm) {
    return windows_.link(kPid, {.tid = tid,
                                .launch_ns = launch_ms * kMs,
                                .start_ns = (launch_ms + 1) * kMs,
                                .end_ns = (launch_ms + 1 + length_ms) * kMs,
                                .kernel_class = kernel_class});
  }
  WindowSums sums(WindowId id) { return windows_.look(id).value(); }

  KernelWindows windows_;
};

TEST_F(KernelWindowsTest, ByThreadAndTime) {
  const auto first = open(10);
  close(first, 20);
  const auto second = open(20);
  close(second, 30);
  EXPECT_EQ(kernel(12, 5, kMain), LinkRule::kThread);
  EXPECT_EQ(kernel(14, 5, kMain), LinkRule::kThread);  // 2 ms of the other's time too
  EXPECT_EQ(kernel(25, 100, kMain, KernelClass::kReduction), LinkRule::kThread);  // ends long after
  EXPECT_EQ(kernel(9, 3, kMain), LinkRule::kNone);
  EXPECT_EQ(kernel(31, 3, kMain), LinkRule::kNone);
  const auto one = sums(first);
  EXPECT_EQ(one.kernels, 2u);
  EXPECT_EQ(one.launches, 2u);
  EXPECT_EQ(one.kernel_ns(), 10 * kMs);
  EXPECT_EQ(one.busy_ns, 7 * kMs);
  EXPECT_EQ(one.class_ns[static_cast<size_t>(KernelClass::kGemm)], 10 * kMs);
  EXPECT_EQ(one.linked_ns[static_cast<size_t>(LinkRule::kThread)], 10 * kMs);
  EXPECT_EQ(one.first_start_ns, 13 * kMs);
  EXPECT_EQ(one.last_end_ns, 20 * kMs);
  EXPECT_EQ(sums(second).class_ns[static_cast<size_t>(KernelClass::kReduction)], 100 * kMs);
  EXPECT_EQ(sums(second).kernels, 1u);
}

TEST_F(KernelWindowsTest, OtherThreadsWorkBelongsToTheProcesssOnlyStep) {
  const auto step = open(10);
  close(step, 20);
  EXPECT_EQ(kernel(15, 4, kAutograd), LinkRule::kProcess);
  EXPECT_EQ(kernel(15, 4, 0), LinkRule::kProcess);  // a thread that is not known
  EXPECT_EQ(kernel(21, 4, kAutograd), LinkRule::kNone);
  EXPECT_EQ(sums(step).linked_ns[static_cast<size_t>(LinkRule::kProcess)], 8 * kMs);
  EXPECT_EQ(sums(step).unlinked_ns, 0u);
}

TEST_F(KernelWindowsTest, NothingIsGuessedBetweenTwo) {
  const auto one = open(10, kMain, WindowKind::kRequest);
  const auto two = open(12, kOther, WindowKind::kRequest);
  EXPECT_EQ(kernel(11, 1, kAutograd), LinkRule::kProcess);  // one alone was open
  EXPECT_EQ(kernel(13, 4, kAutograd), LinkRule::kNone);
  EXPECT_EQ(kernel(14, 2, kOther), LinkRule::kThread);
  EXPECT_EQ(sums(one).kernels, 1u);
  EXPECT_EQ(sums(one).unlinked_ns, 4 * kMs);
  EXPECT_EQ(sums(two).kernels, 1u);
  EXPECT_EQ(sums(two).unlinked_ns, 4 * kMs);
}

TEST_F(KernelWindowsTest, RequestsThatShareAThreadCannotBeTold) {
  const auto one = open(10, kMain, WindowKind::kRequest);
  const auto two = open(12, kMain, WindowKind::kRequest);
  close(two, 20);
  EXPECT_EQ(kernel(13, 4, kMain), LinkRule::kNone);
  EXPECT_EQ(kernel(21, 4, kMain), LinkRule::kThread);
  EXPECT_EQ(sums(one).kernels, 1u);
  EXPECT_EQ(sums(two).kernels, 0u);
}

TEST_F(KernelWindowsTest, PhasesNestAndKindsAreApart) {
  const auto outer = open(0, kMain, WindowKind::kPhase);
  const auto inner = open(10, kMain, WindowKind::kPhase);
  const auto step = open(12, kMain, WindowKind::kStep);
  close(step, 14);
  close(inner, 20);
  EXPECT_EQ(kernel(13, 1, kMain), LinkRule::kThread);
  EXPECT_EQ(kernel(15, 1, kAutograd), LinkRule::kProcess);  // the innermost phase, of one thread
  EXPECT_EQ(kernel(25, 1, kMain), LinkRule::kThread);
  EXPECT_EQ(sums(outer).kernels, 1u);
  EXPECT_EQ(sums(inner).kernels, 2u);
  EXPECT_EQ(sums(step).kernels, 1u);
}

TEST_F(KernelWindowsTest, CopiesWaitsAndGraphs) {
  const auto step = open(10);
  LaunchedWork copy{.tid = kMain, .launch_ns = 11 * kMs, .start_ns = 12 * kMs, .end_ns = 14 * kMs,
                    .kind = WorkKind::kCopy, .direction = CopyDirection::kHostToDevice, .bytes = 77};
  EXPECT_EQ(windows_.link(kPid, copy), LinkRule::kThread);
  LaunchedWork wait{.tid = kMain, .start_ns = 12 * kMs, .end_ns = 19 * kMs, .kind = WorkKind::kSync};
  EXPECT_EQ(windows_.link(kPid, wait), LinkRule::kThread);
  LaunchedWork node{.tid = kMain, .launch_ns = 11 * kMs, .start_ns = 14 * kMs, .end_ns = 15 * kMs,
                    .is_launch = false};
  EXPECT_EQ(windows_.link(kPid, node), LinkRule::kThread);
  const auto all = sums(step);
  EXPECT_EQ(all.copied_bytes(), 77u);
  EXPECT_EQ(all.copies[static_cast<size_t>(CopyDirection::kHostToDevice)].time_ns, 2 * kMs);
  EXPECT_EQ(all.sync_wait_ns, 7 * kMs);
  EXPECT_EQ(all.kernels, 1u);
  EXPECT_EQ(all.launches, 0u);
  EXPECT_EQ(all.busy_ns, 1 * kMs);
  EXPECT_EQ(all.first_start_ns, 12 * kMs);
}

TEST_F(KernelWindowsTest, GathersUntilItIsTaken) {
  const auto step = open(10);
  windows_.handed_over(kPid, 11 * kMs);
  EXPECT_FALSE(windows_.settled(step, 100 * kSecond));  // it is open
  close(step, 20);
  EXPECT_FALSE(windows_.settled(step, 21 * kMs));
  EXPECT_EQ(kernel(19, 1, kMain), LinkRule::kThread);
  windows_.handed_over(kPid, 20 * kMs + 1'499'000'000);
  EXPECT_FALSE(windows_.settled(step, 21 * kMs));
  windows_.handed_over(kPid, 20 * kMs + 1'500'000'000);
  EXPECT_TRUE(windows_.settled(step, 21 * kMs));
  EXPECT_EQ(windows_.take(step)->kernels, 1u);
  EXPECT_FALSE(windows_.take(step));
  EXPECT_TRUE(windows_.settled(step, 21 * kMs));
  EXPECT_EQ(windows_.size(), 0u);
  EXPECT_EQ(kernel(19, 1, kMain), LinkRule::kNone);
}

TEST_F(KernelWindowsTest, NobodyWaitsForever) {
  const auto step = open(10);
  close(step, 20);
  EXPECT_TRUE(windows_.settled(step, 21 * kMs));  // the process hands over nothing
  windows_.handed_over(kPid, 11 * kMs);
  EXPECT_FALSE(windows_.settled(step, 3019 * kMs));
  EXPECT_TRUE(windows_.settled(step, 3020 * kMs));
  windows_.exited(kPid);
  EXPECT_TRUE(windows_.settled(step, 21 * kMs));
  windows_.sweep(30 * kSecond);
  EXPECT_EQ(windows_.size(), 1u);
  windows_.sweep(70 * kSecond);
  EXPECT_EQ(windows_.size(), 0u);
}

TEST_F(KernelWindowsTest, ManyWindowsInAnyOrder) {
  std::vector<WindowId> steps;
  for (uint64_t i = 0; i < 500; ++i) steps.push_back(open(i * 10));
  for (uint64_t i = 0; i < 500; ++i) close(steps[i], i * 10 + 9);
  const auto early = open(2);  // told late
  close(early, 4);
  for (uint64_t i = 0; i < 500; i += 2) EXPECT_TRUE(windows_.take(steps[i]));
  for (uint64_t i = 0; i < 500; ++i)
    EXPECT_EQ(kernel(i * 10 + 5, 1, kMain), i % 2 ? LinkRule::kThread : LinkRule::kNone) << i;
  for (uint64_t i = 1; i < 500; i += 2) EXPECT_EQ(sums(steps[i]).kernels, 1u);
  EXPECT_EQ(sums(early).kernels, 0u);
}

TEST_F(KernelWindowsTest, IsBounded) {
  WindowId last = kNoWindow;
  size_t opened = 0;
  while ((last = windows_.open({static_cast<uint32_t>(opened % 50), 1, opened, WindowKind::kStep})) !=
         kNoWindow)
    ++opened;
  EXPECT_EQ(opened, 8192u);
  EXPECT_EQ(windows_.refused(), 1u);
  windows_.close(kNoWindow, 1);
  EXPECT_TRUE(windows_.settled(kNoWindow, 0));
  EXPECT_FALSE(windows_.look(kNoWindow));
}

}  // namespace
}  // namespace tacit::gpu
