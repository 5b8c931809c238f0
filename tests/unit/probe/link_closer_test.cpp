// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/link_closer.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

namespace tacit::probe {
namespace {

TEST(LinkCloserTest, EverythingIsClosedWhenItIsGone) {
  std::vector<Fd> writers;
  {
    LinkCloser closer(4);
    closer.close({});
    for (int i = 0; i < 20; ++i) {
      UprobeLink link;
      for (int n = 0; n < 3; ++n) {
        int ends[2];
        ASSERT_EQ(::pipe(ends), 0);
        link.emplace_back(ends[0]);
        writers.emplace_back(ends[1]);
      }
      closer.close(std::move(link));
    }
  }
  ASSERT_EQ(writers.size(), 60u);
  for (const auto& writer : writers) {
    pollfd state{writer.get(), POLLOUT, 0};
    ASSERT_EQ(::poll(&state, 1, 0), 1);
    EXPECT_TRUE(state.revents & POLLERR) << "its reading end is still open";
  }
}

// More than anybody waits for: a child closes them, and keeps nothing else open.
TEST(LinkCloserTest, ManyAreLeftToAChild) {
  constexpr int kMany = 300;
  std::vector<Fd> writers;
  int others[2];
  ASSERT_EQ(::pipe(others), 0);
  const Fd other_reader(others[0]);
  {
    LinkCloser closer(0);  // all are left at its end
    const Fd other_writer(others[1]);
    for (int i = 0; i < kMany; ++i) {
      int ends[2];
      ASSERT_EQ(::pipe(ends), 0);
      UprobeLink link;
      link.emplace_back(ends[0]);
      writers.emplace_back(ends[1]);
      closer.close(std::move(link));
    }
    EXPECT_EQ(closer.waiting(), static_cast<size_t>(kMany));
  }
  for (const auto& writer : writers) {
    pollfd state{writer.get(), 0, 0};
    ASSERT_EQ(::poll(&state, 1, 10'000), 1) << "its reading end is still open";
    EXPECT_TRUE(state.revents & POLLERR);
  }
  pollfd state{other_reader.get(), 0, 0};
  ASSERT_EQ(::poll(&state, 1, 10'000), 1) << "the child has what is not its own";
  EXPECT_TRUE(state.revents & POLLHUP);
  int status = 0;
  EXPECT_GT(::wait(&status), 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(LinkCloserTest, NoneIsClosedInAPause) {
  LinkCloser closer(1);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const Fd writer(ends[1]);
  UprobeLink link;
  link.emplace_back(ends[0]);
  pollfd state{writer.get(), 0, 0};
  {
    const LinkCloser::Pause pause(closer);
    closer.close(std::move(link));
    EXPECT_EQ(closer.waiting(), 1u);
    EXPECT_EQ(::poll(&state, 1, 20), 0) << "its reading end is closed";
  }
  EXPECT_EQ(::poll(&state, 1, 10'000), 1);
  EXPECT_TRUE(state.revents & POLLERR);
}

}  // namespace
}  // namespace tacit::probe
