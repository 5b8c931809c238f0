// SPDX-License-Identifier: Apache-2.0
// What is counted of CUDA's and NCCL's calls against a program that makes exactly those that it is told
// (tests/workloads/fake_cuda). Needs root and gcc.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "agent/event/decode.h"
#include "agent/probe/probe_set.h"

namespace tacit::bpf_test {
namespace {

const std::string& fakes() {
  static const std::string directory = [] {
    char made[] = "/tmp/tacit_fake_cuda_XXXXXX";
    const std::string path = ::mkdtemp(made);
    const std::string build = std::string("sh ") + TACIT_FAKE_CUDA + "/build.sh " + path;
    if (std::system(build.c_str()) != 0) return std::string();
    return path;
  }();
  return directory;
}

struct RemoveFakes final : public ::testing::Environment {
  void TearDown() override { std::filesystem::remove_all(fakes()); }
};
[[maybe_unused]] const auto* const kRemoveFakes =
    ::testing::AddGlobalTestEnvironment(new RemoveFakes);

class CudaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root: loads BPF programs";
    ASSERT_FALSE(fakes().empty()) << "the fakes cannot be built";
    auto loaded = probe::ProbeSet::load({});
    ASSERT_TRUE(loaded) << loaded.error().message;
    probes_ = std::move(*loaded);
  }

  void TearDown() override {
    if (child_ <= 0) return;
    ::close(to_child_);
    ::waitpid(child_, nullptr, 0);
    ::close(from_child_);
  }

  // Until it waits for its first command, with everything attached.
  void start(const std::string& program) {
    int in[2], out[2], go[2];
    ASSERT_EQ(::pipe(in) | ::pipe(out) | ::pipe(go), 0);
    child_ = ::fork();
    if (child_ == 0) {
      char byte = 0;
      if (::read(go[0], &byte, 1) != 1) ::_exit(1);
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      for (const int fd : {in[0], in[1], out[0], out[1], go[0], go[1]}) ::close(fd);
      const std::string path = fakes() + "/" + program;
      ::execl(path.c_str(), path.c_str(), nullptr);
      ::_exit(77);
    }
    ::close(in[0]);
    ::close(out[1]);
    to_child_ = in[1];
    from_child_ = out[0];
    ASSERT_TRUE(probes_->follow(pid()));
    ASSERT_EQ(::write(go[1], "x", 1), 1);
    ASSERT_EQ(line(), "ready");
    ::close(go[0]);
    ::close(go[1]);
    read_ring();
  }

  uint32_t pid() const { return static_cast<uint32_t>(child_); }

  // The next line of the program, while events are looked at.
  std::string line() {
    std::string text;
    for (int patience = 0; patience < 10'000; ++patience) {
      read_ring();
      pollfd ready{from_child_, POLLIN, 0};
      if (::poll(&ready, 1, 1) != 1) continue;
      char byte = 0;
      if (::read(from_child_, &byte, 1) != 1) return "end";
      if (byte == '\n') {
        read_ring();
        return text;
      }
      text += byte;
    }
    return "nothing";
  }

  std::string tell(const std::string& command) {
    const std::string text = command + "\n";
    EXPECT_EQ(::write(to_child_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    return line();
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
      } else if (const auto* fork = std::get_if<event::ProcessFork>(&*event)) {
        probes_->inspect(fork->raw->child_pid);
      } else if (const auto* failure = std::get_if<event::CudaFailure>(&*event)) {
        failures_.push_back(*failure->raw);
      }
    });
  }

  cuda_totals totals(uint32_t pid) {
    const auto counts = probes_->cuda_counts(pid);
    return counts ? counts->totals : cuda_totals{};
  }
  cuda_totals totals() { return totals(pid()); }

  std::map<std::pair<cuda_call, int>, uint64_t> failures() {
    std::map<std::pair<cuda_call, int>, uint64_t> found;
    const auto counts = probes_->cuda_counts(pid());
    if (counts)
      for (const auto& each : counts->failures) found[{each.call, each.code}] = each.count;
    return found;
  }

  std::unique_ptr<probe::ProbeSet> probes_;
  std::vector<cuda_failure_event> failures_;
  pid_t child_ = -1;
  int to_child_ = -1, from_child_ = -1;
};

using Failures = std::map<std::pair<cuda_call, int>, uint64_t>;

TEST_F(CudaTest, TheRuntimesCallsOfTheDriverCountOnce) {
  start("cuda_calls");
  EXPECT_EQ(tell("launch 1000"), "0");
  EXPECT_EQ(tell("graph 30"), "0");
  EXPECT_EQ(tell("copy 1 4096 20"), "0");
  EXPECT_EQ(tell("copy 2 100 7"), "0");
  EXPECT_EQ(tell("set 64 5"), "0");
  const auto counted = totals();
  EXPECT_EQ(counted.launches, 1000u);
  EXPECT_EQ(counted.graph_launches, 30u);
  EXPECT_EQ(counted.copies[CUDA_HOST_TO_DEVICE], 20u);
  EXPECT_EQ(counted.copied_bytes[CUDA_HOST_TO_DEVICE], 20u * 4096);
  EXPECT_EQ(counted.copies[CUDA_DEVICE_TO_HOST], 7u);
  EXPECT_EQ(counted.copied_bytes[CUDA_DEVICE_TO_HOST], 700u);
  EXPECT_EQ(counted.copies[CUDA_DIRECTION_DEFAULT], 0u);  // the driver's, inside
  EXPECT_EQ(counted.sets, 5u);
  EXPECT_EQ(counted.set_bytes, 320u);
  EXPECT_EQ(counted.failures, 0u);
  EXPECT_TRUE(failures_.empty());
}

TEST_F(CudaTest, CallsOfTheDriverAloneCountToo) {
  start("cuda_calls");
  EXPECT_EQ(tell("launch 3"), "0");
  EXPECT_EQ(tell("driver_launch 200"), "0");
  EXPECT_EQ(tell("thunk 40"), "0");  // __cudaLaunchKernel of CUDA 13
  EXPECT_EQ(tell("driver_set 16 2"), "0");
  EXPECT_EQ(tell("driver_malloc 1000"), "0");
  EXPECT_EQ(tell("create 2000"), "0");
  EXPECT_EQ(totals().held_bytes[CUDA_MEMORY_DEVICE], 3000u);
  EXPECT_EQ(tell("release"), "0");
  EXPECT_EQ(tell("free"), "0");
  const auto counted = totals();
  EXPECT_EQ(counted.launches, 243u);
  EXPECT_EQ(counted.set_bytes, 2u * 16 * 4);
  EXPECT_EQ(counted.allocations[CUDA_MEMORY_DEVICE], 2u);
  EXPECT_EQ(counted.frees[CUDA_MEMORY_DEVICE], 2u);
  EXPECT_EQ(counted.held_bytes[CUDA_MEMORY_DEVICE], 0u);
  EXPECT_EQ(counted.unknown_frees, 0u);
}

TEST_F(CudaTest, AFailedAllocationIsNone) {
  start("cuda_calls");
  EXPECT_EQ(tell("malloc 1000"), "0");
  EXPECT_EQ(tell("malloc 500"), "0");
  EXPECT_EQ(tell("fail 2"), "0");
  EXPECT_EQ(tell("malloc 70000"), "2");
  EXPECT_EQ(tell("managed 300"), "0");
  EXPECT_EQ(tell("host 200"), "0");
  auto counted = totals();
  EXPECT_EQ(counted.allocations[CUDA_MEMORY_DEVICE], 2u);
  EXPECT_EQ(counted.held_bytes[CUDA_MEMORY_DEVICE], 1500u);
  EXPECT_EQ(counted.held_bytes[CUDA_MEMORY_MANAGED], 300u);
  EXPECT_EQ(counted.held_bytes[CUDA_MEMORY_HOST], 200u);
  EXPECT_EQ(counted.out_of_memory, 1u);
  EXPECT_EQ(counted.held_allocations, 4u);
  EXPECT_EQ(tell("free_host"), "0");
  EXPECT_EQ(tell("free"), "0");  // the managed one
  EXPECT_EQ(tell("fail 700"), "0");
  EXPECT_EQ(tell("free"), "700");  // and it is still there
  EXPECT_EQ(tell("free"), "0");
  EXPECT_EQ(tell("free_at 0"), "0");
  EXPECT_EQ(tell("free_at 12345"), "0");
  counted = totals();
  EXPECT_EQ(counted.held_bytes[CUDA_MEMORY_DEVICE], 1000u);
  EXPECT_EQ(counted.peak_bytes[CUDA_MEMORY_DEVICE], 1500u);
  EXPECT_EQ(counted.held_bytes[CUDA_MEMORY_MANAGED], 0u);
  EXPECT_EQ(counted.held_bytes[CUDA_MEMORY_HOST], 0u);
  EXPECT_EQ(counted.frees[CUDA_MEMORY_DEVICE], 1u);
  EXPECT_EQ(counted.unknown_frees, 1u);
  EXPECT_EQ(counted.held_allocations, 1u);
  EXPECT_EQ(failures(), (Failures{{{CUDA_CALL_cudaMalloc, 2}, 1}, {{CUDA_CALL_cudaFree, 700}, 1}}));
  ASSERT_EQ(failures_.size(), 2u);
  EXPECT_EQ(failures_[0].call, CUDA_CALL_cudaMalloc);
  EXPECT_EQ(failures_[0].code, 2);
  EXPECT_EQ(failures_[0].bytes, 70000u);
  EXPECT_EQ(failures_[0].header.pid, pid());
  EXPECT_LT(failures_[0].begin_ns, failures_[0].header.time_ns);
}

TEST_F(CudaTest, EveryInjectedErrorIsSeenWithItsCallAndCode) {
  start("cuda_calls");
  const std::tuple<const char*, cuda_call, int> cases[] = {
      {"launch 1", CUDA_CALL_cudaLaunchKernel, 719}, {"launch 1", CUDA_CALL_cudaLaunchKernel, 9},
      {"graph 1", CUDA_CALL_cudaGraphLaunch, 901},   {"copy 1 10 1", CUDA_CALL_cudaMemcpyAsync, 1},
      {"set 8 1", CUDA_CALL_cudaMemsetAsync, 700},   {"sync 1", CUDA_CALL_cudaStreamSynchronize, 700},
      {"device_sync 1", CUDA_CALL_cudaDeviceSynchronize, 999},
      {"host 4096", CUDA_CALL_cudaHostAlloc, 2},     {"init 1", CUDA_CALL_cuInit, 100},
      {"create 64", CUDA_CALL_cuMemCreate, 2},       {"driver_sync 1", CUDA_CALL_cuCtxSynchronize, 214},
      {"reduce 8 7 1 1", CUDA_CALL_ncclAllReduce, 5}};
  Failures expected;
  for (const auto& [command, call, code] : cases)
    for (int i = 0; i < 10; ++i) {
      // NCCL's own result when the driver refuses its kernel: ncclUnhandledCudaError
      const int result = call == CUDA_CALL_ncclAllReduce ? 1 : code;
      EXPECT_EQ(tell("fail " + std::to_string(code)), "0");
      EXPECT_EQ(tell(command), std::to_string(result)) << command;
      ++expected[{call, result}];
    }
  EXPECT_EQ(tell("last_error 1"), "2");  // clearing it is no failure
  EXPECT_EQ(failures(), expected);
  EXPECT_EQ(failures_.size(), std::size(cases) * 10);
  EXPECT_EQ(totals().failures, std::size(cases) * 10);
  EXPECT_EQ(totals().out_of_memory, 20u);
}

TEST_F(CudaTest, WaitsAreTimed) {
  start("cuda_calls");
  EXPECT_EQ(tell("wait_us 20000"), "0");
  EXPECT_EQ(tell("sync 5"), "0");
  EXPECT_EQ(tell("device_sync 3"), "0");
  EXPECT_EQ(tell("driver_sync 2"), "0");
  const auto counted = totals();
  EXPECT_EQ(counted.waits, 10u);
  EXPECT_GE(counted.wait_ns, 200'000'000u);
  EXPECT_LT(counted.wait_ns, 2'000'000'000u);
  EXPECT_EQ(counted.untimed_waits, 0u);
}

TEST_F(CudaTest, CollectivesByCommunicator) {
  start("cuda_calls");
  EXPECT_EQ(tell("reduce 1000 7 4096 12"), "0");       // float
  EXPECT_EQ(tell("reduce 10 9 8192 2"), "0");          // bfloat16, another communicator
  EXPECT_EQ(tell("gather 100 8 4096 3"), "0");         // double
  EXPECT_EQ(tell("root_reduce 50 0 4096 4"), "0");     // communicator on the stack
  EXPECT_EQ(tell("bcast 25 4 4096 5"), "0");           // calls ncclBroadcast
  EXPECT_EQ(tell("send 5 6 4096 6"), "0");
  const auto counts = probes_->cuda_counts(pid());
  ASSERT_TRUE(counts);
  std::map<std::pair<cuda_call, uint64_t>, std::pair<uint64_t, uint64_t>> found;
  for (const auto& each : counts->collectives) {
    found[{each.call, each.communicator}] = {each.counts.count, each.counts.bytes};
    EXPECT_NE(each.counts.last_ns, 0u);
  }
  // Communicators are numbered in order of their first use.
  EXPECT_EQ(found, (decltype(found){{{CUDA_CALL_ncclAllReduce, 0}, {12, 48000}},
                                    {{CUDA_CALL_ncclAllReduce, 1}, {2, 40}},
                                    {{CUDA_CALL_ncclAllGather, 0}, {3, 2400}},
                                    {{CUDA_CALL_ncclReduce, 0}, {4, 200}},
                                    {{CUDA_CALL_ncclBcast, 0}, {5, 1000}},
                                    {{CUDA_CALL_ncclSend, 0}, {6, 60}}}));
  EXPECT_EQ(counts->totals.launches, 32u);  // NCCL's own kernels
}

TEST_F(CudaTest, ThreadsTogether) {
  start("cuda_calls");
  EXPECT_EQ(tell("threads 4 launch 5000"), "0");
  EXPECT_EQ(tell("threads 4 cycle 1000 500"), "0");
  EXPECT_EQ(tell("threads 4 malloc 100"), "0");
  const auto counted = totals();
  EXPECT_EQ(counted.launches, 20'000u);
  EXPECT_EQ(counted.allocations[CUDA_MEMORY_DEVICE], 2004u);
  EXPECT_EQ(counted.frees[CUDA_MEMORY_DEVICE], 2000u);
  EXPECT_EQ(counted.held_bytes[CUDA_MEMORY_DEVICE], 400u);
  EXPECT_EQ(counted.unknown_frees, 0u);
  EXPECT_GE(counted.peak_bytes[CUDA_MEMORY_DEVICE], 1000u);
  EXPECT_LE(counted.peak_bytes[CUDA_MEMORY_DEVICE], 4400u);
}

TEST_F(CudaTest, AChildHasCountsOfItsOwnAndTheDeadAreForgotten) {
  start("cuda_calls");
  EXPECT_EQ(tell("launch 11"), "0");
  EXPECT_EQ(tell("malloc 4096"), "0");
  const std::string told = tell("fork launch 13");
  ASSERT_TRUE(told.starts_with("pid ")) << told;
  const auto child = static_cast<uint32_t>(std::stoul(told.substr(4)));
  EXPECT_EQ(line(), "0");
  EXPECT_EQ(totals(child).launches, 13u);
  EXPECT_EQ(totals(child).held_bytes[CUDA_MEMORY_DEVICE], 0u);  // a fork takes no device memory along
  EXPECT_EQ(totals().launches, 11u);
  probes_->forget(child);
  EXPECT_FALSE(probes_->cuda_counts(child));
  EXPECT_EQ(totals().held_bytes[CUDA_MEMORY_DEVICE], 4096u);
  probes_->forget(pid());
  EXPECT_TRUE(probes_->cuda_counts().empty());
}

// All that each way to get the libraries into a process must show.
void exercise(const std::function<std::string(const std::string&)>& tell) {
  EXPECT_EQ(tell("launch 50"), "0");
  EXPECT_EQ(tell("driver_launch 5"), "0");
  EXPECT_EQ(tell("malloc 64"), "0");
  EXPECT_EQ(tell("fail 2"), "0");
  EXPECT_EQ(tell("malloc 32"), "2");
  EXPECT_EQ(tell("reduce 4 7 4096 3"), "0");
}

void check(const cuda_totals& counted) {
  EXPECT_EQ(counted.launches, 58u);
  EXPECT_EQ(counted.held_bytes[CUDA_MEMORY_DEVICE], 64u);
  EXPECT_EQ(counted.out_of_memory, 1u);
}

TEST_F(CudaTest, LibrariesThatAreLoadedLate) {
  start("cuda_calls_late");
  EXPECT_EQ(tell("load " + fakes()), "0");
  exercise([this](const std::string& command) { return tell(command); });
  check(totals());
}

TEST_F(CudaTest, LibrariesThatAreDeletedOnDisk) {
  const std::string copy = fakes() + "/deleted";
  std::filesystem::create_directory(copy);
  for (const char* name : {"libcuda.so.1", "libcudart.so.13", "libnccl.so.2"})
    std::filesystem::copy_file(fakes() + "/" + name, copy + "/" + name,
                               std::filesystem::copy_options::overwrite_existing);
  start("cuda_calls_late");
  const std::string load = "load " + copy + "\n";
  // Gone before anybody could look into them.
  ASSERT_EQ(::write(to_child_, load.data(), load.size()), static_cast<ssize_t>(load.size()));
  ::usleep(200'000);
  std::filesystem::remove_all(copy);
  EXPECT_EQ(line(), "0");
  exercise([this](const std::string& command) { return tell(command); });
  check(totals());
}

TEST_F(CudaTest, CodeThatIsLinkedStatically) {
  start("cuda_calls_static");
  exercise([this](const std::string& command) { return tell(command); });
  check(totals());
}

}  // namespace
}  // namespace tacit::bpf_test
