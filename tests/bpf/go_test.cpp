// SPDX-License-Identifier: Apache-2.0
// Go's goroutines against a program that says in each call for which request it is made
// (tests/workloads/go_goroutines): every call must be claimed, once, before its bytes, by a goroutine
// whose ancestry leads to the one that read that request. Needs root and go. Other releases than the
// installed one: TACIT_GO_TOOLCHAINS="go1.18.10 go1.22.12" (fetched by the go command).
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>

#include "agent/event/decode.h"
#include "agent/probe/probe_set.h"

namespace tacit::bpf_test {
namespace {

struct Build {
  std::string toolchain;  // empty: the installed one
  std::string name;
  std::string flags;
  std::string environment;
};

void PrintTo(const Build& build, std::ostream* out) { *out << build.toolchain << " " << build.name; }

std::vector<Build> builds() {
  std::vector<std::string> toolchains = {""};
  if (const char* more = std::getenv("TACIT_GO_TOOLCHAINS")) {
    std::istringstream words(more);
    for (std::string word; words >> word;) toolchains.push_back(word);
  }
  std::vector<Build> all;
  for (const auto& toolchain : toolchains) {
    all.push_back({toolchain, "as_is", "", ""});
    all.push_back({toolchain, "stripped_pie", "-ldflags='-s -w' -buildmode=pie", ""});
    all.push_back({toolchain, "without_cgo_stripped", "-ldflags='-s -w'", "CGO_ENABLED=0"});
    all.push_back({toolchain, "linked_outside", "-ldflags=-linkmode=external", "CGO_ENABLED=1"});
  }
  return all;
}

std::string test_name(const ::testing::TestParamInfo<Build>& info) {
  std::string name = (info.param.toolchain.empty() ? "installed" : info.param.toolchain) + "_" +
                     info.param.name;
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
}

// What the events say, and what the bytes say that they should.
class Judge {
 public:
  void see(const event::Event& event) {
    if (const auto* data = std::get_if<event::Data>(&event)) {
      const std::string_view bytes(reinterpret_cast<const char*>(data->bytes.data()),
                                   data->bytes.size());
      data->raw->direction == DATA_RECEIVE ? received(*data->raw, bytes) : sent(*data->raw, bytes);
    } else if (const auto* start = std::get_if<event::TaskStart>(&event)) {
      ++starts;
      serving_[start->raw->child] = serving_[start->raw->parent];
    } else if (const auto* claim = std::get_if<event::SocketClaim>(&event)) {
      ++claims;
      claims_[claim->raw->socket_id].push_back(serving_[claim->raw->by.task]);
    }
  }

  int requests = 0, calls = 0, starts = 0, claims = 0;
  int right = 0, wrong = 0, without_parent = 0, not_claimed_once = 0, read_outside = 0;
  int read_by_two = 0;  // requests whose first byte another goroutine had read

 private:
  // A request is served by the goroutine that reads the end of its head.
  void received(const data_event& raw, std::string_view bytes) {
    auto& [text, first_task] = heads_[raw.socket_id];
    if (text.empty()) first_task = raw.by.task;
    text += bytes;
    const size_t begin = text.find("POST /");
    if (begin == std::string::npos) {
      if (text.size() > 8 || std::string_view("POST /").starts_with(text) == false) text.clear();
      return;
    }
    const size_t end = text.find("\r\n\r\n", begin);
    if (end == std::string::npos) return;
    ++requests;
    if (raw.by.task == 0) ++read_outside;
    if (first_task != raw.by.task) ++read_by_two;
    serving_[raw.by.task] = value_of(text, "X-Token: ");
    text.clear();
  }

  void sent(const data_event& raw, std::string_view bytes) {
    if (!bytes.starts_with("GET /") && !bytes.starts_with("POST /")) return;
    const auto claimed = std::exchange(claims_[raw.socket_id], {});
    if (claimed.size() != 1) ++not_claimed_once;
    const auto truth = value_of(bytes, "X-Serving: ");
    if (truth.empty()) return;
    ++calls;
    const std::string found = claimed.empty() ? "" : claimed.back();
    ++(found.empty() ? without_parent : found == truth ? right : wrong);
  }

  static std::string value_of(std::string_view text, std::string_view header) {
    const size_t at = text.find(header);
    if (at == std::string_view::npos) return {};
    const auto rest = text.substr(at + header.size());
    return std::string(rest.substr(0, rest.find("\r\n")));
  }

  std::map<uint64_t, std::string> serving_;  // token by task
  std::map<uint64_t, std::vector<std::string>> claims_;
  std::map<uint64_t, std::pair<std::string, uint64_t>> heads_;
};

class Goroutines : public ::testing::TestWithParam<Build> {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: loads BPF programs";
    if (std::system("go version >/dev/null 2>&1") != 0) GTEST_SKIP() << "needs go";
    auto made = (std::filesystem::temp_directory_path() / "tacit-go-XXXXXX").string();
    ASSERT_NE(::mkdtemp(made.data()), nullptr);
    folder_ = made;
    const Build& build = GetParam();
    const auto command = fmt::format(
        "cd {} && {} {} go build {} -o {}/program main.go 2>{}/log", TACIT_GO_WORKLOAD, build.environment,
        build.toolchain.empty() ? "" : "GOTOOLCHAIN=" + build.toolchain, build.flags, folder_,
        folder_);
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
    options_.ring_bytes = 128 << 20;  // nothing may get lost here
    auto loaded = probe::ProbeSet::load(options_);
    ASSERT_TRUE(loaded) << loaded.error().message;
    probes_ = std::move(*loaded);
  }

  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  // Runs the program; returns the number that it prints at the end.
  int run(int requests, int concurrency, Judge& judge) {
    int in[2], out[2];
    EXPECT_EQ(::pipe(in) + ::pipe(out), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      for (const int fd : {in[0], in[1], out[0], out[1]}) ::close(fd);
      ::execl((folder_ + "/program").c_str(), "program", std::to_string(requests).c_str(),
              std::to_string(concurrency).c_str(), nullptr);
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    std::string said;
    while (said.find('\n') == std::string::npos && read_some(out[0], said)) {
    }
    EXPECT_TRUE(probes_->follow(static_cast<uint32_t>(child)));
    probes_->inspect(static_cast<uint32_t>(child));
    EXPECT_EQ(::write(in[1], "\n", 1), 1);
    for (bool ended = false; !ended;) {
      pollfd wait{out[0], POLLIN, 0};
      if (::poll(&wait, 1, 5) > 0) ended = !read_some(out[0], said);
      probes_->ring().consume(SIZE_MAX, [&](std::span<const std::byte> record) {
        const auto event = event::decode(record);
        ASSERT_TRUE(event) << "a record of the probes does not decode";
        judge.see(*event);
      });
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    probes_->forget(static_cast<uint32_t>(child));
    ::close(in[1]);
    ::close(out[0]);
    return std::atoi(said.substr(said.find('\n') + 1).c_str());
  }

  static bool read_some(int fd, std::string& said) {
    char bytes[256];
    const ssize_t n = ::read(fd, bytes, sizeof(bytes));
    if (n > 0) said.append(bytes, static_cast<size_t>(n));
    return n > 0;
  }

  probe::ProbeOptions options_;
  std::unique_ptr<probe::ProbeSet> probes_;
  std::string folder_;
};

TEST_P(Goroutines, EveryCallLeadsToItsRequest) {
  for (const int concurrency : {1, 20, 100}) {
    SCOPED_TRACE(fmt::format("concurrency {}", concurrency));
    constexpr int kRequests = 1200;
    Judge judge;
    const int calls = run(kRequests, concurrency, judge);
    EXPECT_EQ(probes_->refused_sites(), std::vector<std::string>{});
    EXPECT_EQ(judge.requests, kRequests);
    EXPECT_EQ(judge.read_outside, 0);
    EXPECT_EQ(judge.calls, calls);
    EXPECT_EQ(judge.right, calls);
    EXPECT_EQ(judge.wrong, 0);
    EXPECT_EQ(judge.without_parent, 0);
    EXPECT_EQ(judge.not_claimed_once, 0);
    EXPECT_EQ(judge.claims, calls + kRequests);
    fmt::print("concurrency {}: {} requests ({} read by two goroutines), {} calls, {} goroutines "
               "started, {} claims\n",
               concurrency, judge.requests, judge.read_by_two, calls, judge.starts, judge.claims);
    for (const auto& drop : probes_->drops()) EXPECT_EQ(drop.count, 0u) << drop.reason;
  }
}

INSTANTIATE_TEST_SUITE_P(Builds, Goroutines, ::testing::ValuesIn(builds()), test_name);

}  // namespace
}  // namespace tacit::bpf_test
