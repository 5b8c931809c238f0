// SPDX-License-Identifier: Apache-2.0
// Children of a process with PyTorch in it (a stub of it): when the reader hears of them, and from when on
// their training is seen. Needs root.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <vector>

#include "agent/base/fd.h"
#include "agent/event/decode.h"
#include "agent/probe/probe_set.h"

namespace tacit::bpf_test {
namespace {

constexpr char kExecute[] =
    "_ZN5torch8autograd6Engine7executeERKSt6vectorINS0_4EdgeESaIS3_EERKS2_IN2at6TensorESaIS9_EEbbbS7_";
// Six arguments in registers; accumulate_grad is the first behind them.
using Execute = void (*)(long, long, long, long, long, long, long accumulate_grad);

// Does what it is told, a letter a deed, and answers each with its process id. A forked child takes over
// until it is told to quit.
[[noreturn]] void obey(int commands, int answers) {
  Execute execute = nullptr;
  char command = 0;
  while (::read(commands, &command, 1) == 1) {
    if (command == 'q') ::_exit(0);
    if (command == 'l') {
      void* library = ::dlopen(TACIT_STUB_TORCH, RTLD_NOW);
      if (library == nullptr) ::_exit(1);
      execute = reinterpret_cast<Execute>(::dlsym(library, kExecute));
    }
    if (command == 'b') execute(0, 0, 0, 0, 0, 0, 1);
    if (command == 'v' && ::vfork() == 0) ::_exit(0);
    if (command == 's' || command == 'e') {  // a short life, or a long one
      const pid_t child = ::fork();
      if (child == 0 && command == 'e') ::usleep(60'000);
      if (child == 0) ::_exit(0);
      ::waitpid(child, nullptr, 0);
    }
    if (command == 'f')
      if (const pid_t child = ::fork(); child > 0) {
        ::waitpid(child, nullptr, 0);
        continue;
      }
    const pid_t self = ::getpid();
    if (::write(answers, &self, sizeof(self)) != sizeof(self)) ::_exit(1);
  }
  ::_exit(0);
}

class TorchTest : public ::testing::Test {
 protected:
  void SetUp() override {
#if !defined(__x86_64__)
    GTEST_SKIP() << "the stub is written for x86-64";
#endif
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: loads BPF programs";
    auto loaded = probe::ProbeSet::load({});
    ASSERT_TRUE(loaded) << loaded.error().message;
    probes_ = std::move(*loaded);
    int commands[2], answers[2];
    ASSERT_EQ(::pipe(commands) | ::pipe(answers), 0);
    child_ = ::fork();
    if (child_ == 0) {
      ::close(commands[1]);
      obey(commands[0], answers[1]);
    }
    ::close(commands[0]);
    ::close(answers[1]);
    commands_ = Fd(commands[1]);
    answers_ = Fd(answers[0]);
    ASSERT_TRUE(probes_->follow(pid()));
    wakes_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{};
    event.events = EPOLLIN | EPOLLET;  // wake-ups alone, as the agent's loop hears them
    ASSERT_EQ(::epoll_ctl(wakes_.get(), EPOLL_CTL_ADD, probes_->ring().fd(), &event), 0);
  }

  void TearDown() override {
    commands_ = Fd();
    if (child_ > 0) ::waitpid(child_, nullptr, 0);
  }

  uint32_t pid() const { return static_cast<uint32_t>(child_); }

  // Who did it.
  uint32_t tell(char command) {
    EXPECT_EQ(::write(commands_.get(), &command, 1), 1);
    pollfd ready{answers_.get(), POLLIN, 0};
    pid_t who = 0;
    if (::poll(&ready, 1, 20'000) != 1 || ::read(answers_.get(), &who, sizeof(who)) != sizeof(who))
      ADD_FAILURE() << "no answer to " << command;
    return static_cast<uint32_t>(who);
  }

  bool woken(int patience_ms) {
    epoll_event event{};
    return ::epoll_wait(wakes_.get(), &event, 1, patience_ms) == 1;
  }

  // Nothing waits, and the reader does what it says.
  void begin(reader_activity activity) {
    read_ring();
    while (woken(0)) {
    }
    probes_->ring().set_activity(activity);
  }

  void read_ring() {
    probes_->ring().consume(SIZE_MAX, [this](std::span<const std::byte> record) {
      const auto event = event::decode(record);
      ASSERT_TRUE(event) << "a record of the probes does not decode";
      if (const auto* fork = std::get_if<event::ProcessFork>(&*event)) {
        forked_.push_back(fork->raw->child_pid);
      } else if (const auto* training = std::get_if<event::Training>(&*event)) {
        EXPECT_EQ(training->raw->action, TRAINING_BACKWARD);
        trained_.push_back(training->raw->header.pid);
      }
    });
  }

  // As a process that loads PyTorch while it is followed.
  void load_torch() {
    EXPECT_FALSE(probes_->inspect(pid()).found_torch);
    tell('l');
    EXPECT_FALSE(probes_->inspect(pid()).found_torch);
  }

  std::unique_ptr<probe::ProbeSet> probes_;
  Fd commands_, answers_, wakes_;
  pid_t child_ = -1;
  std::vector<uint32_t> forked_, trained_;  // pids
};

TEST_F(TorchTest, AForkWakesTheReaderWhateverItDoes) {
  load_torch();
  for (const auto activity : {READER_AWAKE, READER_NAPPING, READER_ASLEEP}) {
    begin(activity);
    const uint32_t child = tell('f');
    EXPECT_TRUE(woken(10'000)) << activity;
    read_ring();
    ASSERT_FALSE(forked_.empty());
    EXPECT_EQ(forked_.back(), child);
    EXPECT_NE(child, pid());
    const char quit = 'q';
    ASSERT_EQ(::write(commands_.get(), &quit, 1), 1);
  }
}

TEST_F(TorchTest, AChildThatIsAboutToExecCanWait) {
  load_torch();
  begin(READER_NAPPING);
  EXPECT_EQ(tell('v'), pid());
  EXPECT_FALSE(woken(100));
  read_ring();
  EXPECT_EQ(forked_.size(), 1u);
}

TEST_F(TorchTest, SoCanChildrenThatEndAtOnceOneAfterTheOther) {
  load_torch();
  int forks = 0;
  // On a busy machine a child may live long by waiting for a core, which begins the row anew.
  for (bool wakes = true; wakes && forks < 1000; ++forks) {
    begin(READER_NAPPING);
    tell('s');
    wakes = woken(forks < 8 ? 10'000 : 100);
    ASSERT_TRUE(wakes || forks >= 8) << forks;
  }
  EXPECT_GT(forks, 8);
  EXPECT_LT(forks, 1000);
  begin(READER_NAPPING);
  tell('e');  // not told at once either, but lives
  EXPECT_FALSE(woken(100));
  begin(READER_NAPPING);
  tell('s');
  EXPECT_TRUE(woken(10'000));
}

TEST_F(TorchTest, SoCanAChildOfAProcessThatDoesNotTrain) {
  EXPECT_FALSE(probes_->inspect(pid()).found_torch);
  begin(READER_NAPPING);
  EXPECT_NE(tell('f'), pid());
  EXPECT_FALSE(woken(100));
  read_ring();
  EXPECT_EQ(forked_.size(), 1u);
}

TEST_F(TorchTest, AChildIsSeenFromItsFirstInspectionOn) {
  load_torch();
  tell('b');
  read_ring();
  EXPECT_EQ(trained_, std::vector<uint32_t>{pid()});
  const uint32_t child = tell('f');
  tell('b');  // its parent's probes do not see it
  EXPECT_TRUE(probes_->inspect(child).found_torch);
  EXPECT_FALSE(probes_->inspect(child).found_torch);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(tell('b'), child);
  read_ring();
  EXPECT_EQ(trained_, (std::vector<uint32_t>{pid(), child, child, child, child, child}));
}

}  // namespace
}  // namespace tacit::bpf_test
