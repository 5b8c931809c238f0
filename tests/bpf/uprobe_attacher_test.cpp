// SPDX-License-Identifier: Apache-2.0
// Each way to attach uprobes that this kernel has, against children that fire this program's own USDT.
// Needs root.
#include "agent/probe/uprobe_attacher.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

#include "agent/runtime/known_image.h"
#include "tests/harness/gpu_blocks.h"

namespace tacit::probe {
namespace {

constexpr uint64_t kTimes = 1000;

class UprobeAttacherTest : public ::testing::TestWithParam<UprobeMechanism> {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: attaches uprobes";
    if (GetParam() == UprobeMechanism::kMulti && find_uprobe_mechanism() != GetParam())
      GTEST_SKIP() << "this kernel has no " << name_of(GetParam()) << " that can be used";
    const auto known = runtime::recognise("/proc/self/exe", "uprobe_attacher_test", {});
    for (const auto& plan : known.probes)
      if (plan.program == "gpu_batch_handed_over") points_ = plan.points;
    ASSERT_EQ(points_.size(), 1u);
    ASSERT_NE(points_[0].semaphore_offset, 0u);
    map_ = Fd(bpf_map_create(BPF_MAP_TYPE_ARRAY, "runs", 4, 8, 1, nullptr));
    ASSERT_TRUE(map_.valid());
    program_ = load_counter(map_.get(), GetParam());
    ASSERT_TRUE(program_.valid());
  }

  uint64_t runs() const {
    const uint32_t first = 0;
    uint64_t runs = 0;
    EXPECT_EQ(bpf_map_lookup_elem(map_.get(), &first, &runs), 0);
    return runs;
  }

  Result<UprobeLink> attach(pid_t pid) const {
    return attach_uprobes(GetParam(), program_.get(), "/proc/self/exe", static_cast<uint32_t>(pid),
                          points_);
  }

  std::vector<runtime::ProbePoint> points_;
  Fd map_, program_;
};

pid_t start(const std::function<void()>& work) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::alarm(30);
  work();
  ::_exit(0);
}

int ended(pid_t pid) {
  int status = -1;
  return ::waitpid(pid, &status, 0) == pid ? status : -1;
}

// The kernel raises the semaphore some instructions before it writes the breakpoint, both under the lock
// of the address space: a mapping made then waits for it.
void wait_for_listener(bool there) {
  while ((tacit_gpu_batch_semaphore != 0) != there) {
  }
  ::munmap(::mmap(nullptr, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1);
}

void fire() {
  for (uint64_t i = 0; i < kTimes; ++i) fire_block(nullptr, 0);
}

// A target that hands something over as soon as somebody listens is heard from the first word on.
TEST_P(UprobeAttacherTest, HearsAllOnceTheSemaphoreRises) {
  for (uint64_t round = 1; round <= 8; ++round) {
    const pid_t child = start([] {
      wait_for_listener(true);
      fire();
    });
    const auto link = attach(child);
    ASSERT_TRUE(link) << link.error().message;
    EXPECT_EQ(ended(child), 0);
    ASSERT_EQ(runs(), round * kTimes);
  }
}

TEST_P(UprobeAttacherTest, ChildrenOfATargetAreNotHeard) {
  const pid_t child = start([] {
    wait_for_listener(true);
    const pid_t grandchild = start(fire);
    fire();
    ::_exit(ended(grandchild));
  });
  const auto link = attach(child);
  ASSERT_TRUE(link) << link.error().message;
  EXPECT_EQ(ended(child), 0);
  EXPECT_EQ(runs(), kTimes);
}

TEST_P(UprobeAttacherTest, ATargetGoesOnUnheardWhenTheLinkIsGone) {
  const pid_t child = start([] {
    wait_for_listener(true);
    fire();
    wait_for_listener(false);
    fire();
  });
  {
    const auto link = attach(child);
    ASSERT_TRUE(link) << link.error().message;
    while (runs() < kTimes) ::usleep(1000);
  }
  EXPECT_EQ(ended(child), 0);
  EXPECT_EQ(runs(), kTimes);
}

INSTANTIATE_TEST_SUITE_P(, UprobeAttacherTest,
                         ::testing::Values(UprobeMechanism::kMulti, UprobeMechanism::kPerfEvent),
                         [](const auto& tried) {
                           return tried.param == UprobeMechanism::kMulti ? "multi" : "perf_event";
                         });

}  // namespace
}  // namespace tacit::probe
