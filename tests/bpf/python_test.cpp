// SPDX-License-Identifier: Apache-2.0
// CPython's tasks against a program that says in each call for which request it is made
// (tests/workloads/python_tasks.py). Needs root and python3. Other interpreters than the installed one,
// and ones with uvloop: TACIT_PYTHONS="/path/to/python3.8 …".
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <sstream>
#include <string>
#include <string_view>

#include "agent/event/decode.h"
#include "agent/probe/probe_set.h"

namespace tacit::bpf_test {
namespace {

constexpr int kRequests = 20;  // of the workload
constexpr int kMissing = 77;   // what the mode needs is not installed

std::vector<std::string> interpreters() {
  std::vector<std::string> all = {"python3"};
  if (const char* more = std::getenv("TACIT_PYTHONS")) {
    std::istringstream words(more);
    for (std::string word; words >> word;) all.push_back(word);
  }
  return all;
}

// The program's own claims, compared with what the events say.
class Judge {
 public:
  void see(const event::Event& event) {
    if (const auto* start = std::get_if<event::TaskStart>(&event)) {
      const auto from = tasks_.find(start->raw->parent);
      const bool inherits = from != tasks_.end() && from->second.holds(start->raw->turn);
      tasks_[start->raw->child] = {inherits ? from->second.path : "", 0};
    } else if (const auto* enter = std::get_if<event::TaskEnter>(&event)) {
      if (read_outside_.turn == enter->raw->task.turn && !read_outside_.path.empty())
        tasks_[enter->raw->task.task] = std::exchange(read_outside_, {});
    } else if (const auto* work = std::get_if<event::Work>(&event)) {
      if (work->raw->action == WORK_GIVE) {
        ++given;
        works_[work->raw->work] = threads_[work->raw->header.tid];
      } else {
        ++taken;
        threads_[work->raw->header.tid] = works_[work->raw->work];
      }
    } else if (const auto* data = std::get_if<event::Data>(&event)) {
      see_data(*data->raw, {reinterpret_cast<const char*>(data->bytes.data()), data->bytes.size()});
    }
  }

  bool ready = false;
  int requests = 0, calls = 0, right_by_task = 0, wrong_by_task = 0, right_by_work = 0;
  int given = 0, taken = 0;

 private:
  struct Service {
    std::string path;
    uint64_t turn = 0;  // 0: holds in every turn
    bool holds(uint64_t now) const { return turn == 0 || turn == now; }
  };

  void see_data(const data_event& data, std::string_view bytes) {
    if (bytes == "ready") {
      ready = true;
      given = taken = 0;  // of warming up
    }
    if (!bytes.starts_with("GET ")) return;
    const std::string path(bytes.substr(4, bytes.find(' ', 4) - 4));
    const bool is_call = path.starts_with("/call");
    if (data.direction == DATA_RECEIVE && !is_call) {
      ++requests;
      threads_[data.header.tid] = path;
      if (data.by.task != 0)
        tasks_[data.by.task] = {path, 0};
      else
        read_outside_ = {path, data.by.turn};
    } else if (data.direction == DATA_SEND && is_call) {
      ++calls;
      const auto own = path.substr(5);
      const auto task = tasks_.find(data.by.task);
      if (data.by.task != 0 && task != tasks_.end() && !task->second.path.empty())
        ++(task->second.path == own ? right_by_task : wrong_by_task);
      right_by_work += threads_[data.header.tid] == own;
    }
  }

  std::map<uint64_t, Service> tasks_;
  std::map<uint64_t, std::string> works_;
  std::map<uint32_t, std::string> threads_;
  Service read_outside_;
};

class PythonTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: loads BPF programs";
    auto loaded = probe::ProbeSet::load({});
    ASSERT_TRUE(loaded) << loaded.error().message;
    probes_ = std::move(*loaded);
  }

  // Runs the workload followed; it starts its traffic once everything is attached.
  int run(const char* mode) {
    int go[2], begin[2];
    if (::pipe(go) != 0 || ::pipe(begin) != 0) return -1;
    const pid_t child = ::fork();
    if (child == 0) {
      char byte = 0;
      if (::read(go[0], &byte, 1) != 1) ::_exit(1);
      ::dup2(begin[0], 0);
      for (const int fd : {go[0], go[1], begin[0], begin[1]}) ::close(fd);
      ::execlp(GetParam().c_str(), GetParam().c_str(), TACIT_PYTHON_WORKLOAD, mode, nullptr);
      ::_exit(kMissing);
    }
    EXPECT_TRUE(probes_->follow(static_cast<uint32_t>(child)));
    EXPECT_EQ(::write(go[1], "x", 1), 1);
    int status = 0;
    for (bool told = false; ::waitpid(child, &status, WNOHANG) == 0; ::usleep(1000)) {
      read_ring();
      if (judge_.ready && !std::exchange(told, true)) {
        EXPECT_EQ(::write(begin[1], "x", 1), 1);
      }
    }
    read_ring();
    for (const int fd : {go[0], go[1], begin[0], begin[1]}) ::close(fd);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  void read_ring() {
    probes_->ring().consume(SIZE_MAX, [this](std::span<const std::byte> record) {
      const auto event = event::decode(record);
      ASSERT_TRUE(event) << "a record of the probes does not decode";
      if (const auto* exec = std::get_if<event::ProcessExec>(&*event)) {
        probes_->forget(exec->raw->header.pid);
        probes_->inspect(exec->raw->header.pid);
      } else if (const auto* image = std::get_if<event::ImageMapped>(&*event)) {
        probes_->inspect(image->raw->header.pid);
      }
      judge_.see(*event);
    });
  }

  std::unique_ptr<probe::ProbeSet> probes_;
  Judge judge_;
};

TEST_P(PythonTest, EachCallsTaskComesFromTheOneThatReadItsRequest) {
  const int status = run("asyncio");
  if (status == kMissing) GTEST_SKIP() << GetParam() << " is not installed";
  ASSERT_EQ(status, 0);
  EXPECT_EQ(judge_.requests, kRequests);
  EXPECT_EQ(judge_.calls, kRequests);
  EXPECT_EQ(judge_.right_by_task, kRequests);
  EXPECT_EQ(judge_.wrong_by_task, 0);
}

TEST_P(PythonTest, WithUvloopTheFirstTaskEnteredAfterAReadIsTheOneThatGotIt) {
  const int status = run("uvloop");
  if (status == kMissing) GTEST_SKIP() << GetParam() << " has no uvloop";
  ASSERT_EQ(status, 0);
  EXPECT_EQ(judge_.requests, kRequests);
  EXPECT_EQ(judge_.calls, kRequests);
  EXPECT_EQ(judge_.right_by_task, kRequests);
  EXPECT_EQ(judge_.wrong_by_task, 0);
}

TEST_P(PythonTest, AThreadOfAPoolWorksForWhoeverGaveItTheWork) {
  const int status = run("pool");
  if (status == kMissing) GTEST_SKIP() << GetParam() << " is not installed";
  ASSERT_EQ(status, 0);
  EXPECT_EQ(judge_.requests, kRequests);
  EXPECT_EQ(judge_.calls, kRequests);
  EXPECT_EQ(judge_.given, kRequests);
  EXPECT_EQ(judge_.taken, kRequests);
  EXPECT_EQ(judge_.right_by_work, kRequests);
  EXPECT_EQ(judge_.wrong_by_task, 0);
}

INSTANTIATE_TEST_SUITE_P(Interpreters, PythonTest, ::testing::ValuesIn(interpreters()),
                         [](const auto& each) { return "python" + std::to_string(each.index); });

}  // namespace
}  // namespace tacit::bpf_test
