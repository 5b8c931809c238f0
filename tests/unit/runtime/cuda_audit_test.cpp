// SPDX-License-Identifier: Apache-2.0
// Which probes would attach to NVIDIA's own libraries, and at what cost: the next CUDA may move a path.
// The wheels come with the PyTorch peer (tests/harness/prepare-peers.sh); more libraries to be looked at:
// TACIT_CUDA_LIBRARIES="/path/to/libcudart.so.12 …".
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "agent/runtime/cuda_functions.h"
#include "agent/runtime/exit_points.h"
#include "agent/runtime/known_image.h"

namespace tacit::runtime {
namespace {

namespace fs = std::filesystem;
using ::testing::UnorderedElementsAre;

constexpr Interests kCudaOnly{.causes = false, .training = false, .cuda = true, .kernels = false};

std::vector<std::string> libraries(const std::string& name) {
  std::vector<std::string> found;
  std::error_code error;
  const fs::path python = fs::path(TACIT_TEST_PEERS_DIRECTORY) / "torch/lib";
  for (const auto& version : fs::directory_iterator(python, error)) {
    const fs::path packages = version.path() / "site-packages/nvidia";
    for (const char* package : {"cu13/lib", "cuda_runtime/lib", "nccl/lib"})
      for (const auto& file : fs::directory_iterator(packages / package, error))
        if (file.path().filename().string().starts_with(name)) found.push_back(file.path());
  }
  if (const char* more = std::getenv("TACIT_CUDA_LIBRARIES")) {
    std::istringstream words(more);
    for (std::string word; words >> word;)
      if (fs::path(word).filename().string().starts_with(name)) found.push_back(word);
  }
  std::erase_if(found, [](const auto& path) { return path.ends_with(".a"); });
  return found;
}

struct Audit {
  std::map<std::string, Symbol, std::less<>> symbols;
  std::map<std::string, std::vector<ProbePoint>> points;  // by program
  std::vector<std::string> refused;
  std::optional<ElfImage> image;
};

Audit look_at(const std::string& path) {
  Audit audit;
  auto image = ElfImage::open(path);
  if (!image) return audit;
  std::vector<std::string_view> names;
  for (const auto& function : cuda_functions()) names.push_back(function.symbol);
  audit.symbols = image->symbols(names);
  const auto known = recognise(path, fs::path(path).filename(), kCudaOnly);
  for (const auto& plan : known.probes) audit.points[plan.program] = plan.points;
  audit.refused = known.refused;
  audit.image.emplace(std::move(*image));
  return audit;
}

TEST(CudaAuditTest, EveryCallOfTheRuntimeIsSeenAndItsFailuresToo) {
  const auto found = libraries("libcudart.so");
  if (found.empty()) GTEST_SKIP() << "no libcudart: prepare-peers.sh makes the torch peer";
  for (const auto& path : found) {
    SCOPED_TRACE(path);
    const auto audit = look_at(path);
    EXPECT_THAT(audit.refused, ::testing::IsEmpty());
    for (const char* name : {"cudaLaunchKernel", "cudaLaunchKernelExC", "cudaGraphLaunch", "cudaMalloc",
                             "cudaMallocAsync", "cudaFree", "cudaFreeAsync", "cudaMemcpyAsync",
                             "cudaStreamSynchronize", "cudaEventSynchronize", "cudaGetDeviceCount"})
      EXPECT_TRUE(audit.symbols.contains(name)) << name;
    size_t begins = 0, failing = 0;
    for (const auto& function : cuda_functions()) {
      const auto symbol = audit.symbols.find(function.symbol);
      if (symbol == audit.symbols.end()) continue;
      const bool by_failures = function.result == CudaFunction::Result::kFailures;
      failing += by_failures;  // each remembers its failure in one place
      if (by_failures && function.action == CUDA_ACTION_NONE) continue;
      ++begins;
      // The first instruction is a push: the cheapest there is, with the stack as the caller left it.
      const uint64_t offset = *audit.image->file_offset(symbol->second.address);
      const auto& points = audit.points.at("cuda_call_begins");
      const auto point = std::find_if(points.begin(), points.end(), [&](const ProbePoint& each) {
        return each.file_offset == offset;
      });
      ASSERT_NE(point, points.end()) << function.symbol;
      EXPECT_EQ(point->cookie >> CUDA_ENTRY_DEPTH_SHIFT, 0u) << function.symbol;
    }
    EXPECT_EQ(audit.points.at("cuda_call_begins").size(), begins);
    EXPECT_EQ(audit.points.at("cuda_call_failed").size(), failing);
  }
}

TEST(CudaAuditTest, EndsOfTheRuntimesCallsAreCheapButThroughAProfiler) {
  const auto found = libraries("libcudart.so");
  if (found.empty()) GTEST_SKIP() << "no libcudart: prepare-peers.sh makes the torch peer";
  for (const auto& path : found) {
    SCOPED_TRACE(path);
    const auto audit = look_at(path);
    for (const auto& function : cuda_functions()) {
      const auto symbol = audit.symbols.find(function.symbol);
      if (symbol == audit.symbols.end() || !(function.is_memory() || function.action == CUDA_ACTION_WAIT))
        continue;
      const auto ends = exit_points(*audit.image, symbol->second.address);
      ASSERT_TRUE(ends) << function.symbol << ": " << ends.error().message;
      const auto slow = std::count_if(ends->begin(), ends->end(),
                                      [](const ExitPoint& end) { return !end.emulated; });
      EXPECT_EQ(slow, 1) << function.symbol;
      EXPECT_THAT(ends->size() - static_cast<size_t>(slow), ::testing::AnyOf(3, 5)) << function.symbol;
    }
  }
}

TEST(CudaAuditTest, EveryCollectiveOfNcclIsSeen) {
  const auto found = libraries("libnccl.so");
  if (found.empty()) GTEST_SKIP() << "no libnccl: prepare-peers.sh makes the torch peer";
  for (const auto& path : found) {
    SCOPED_TRACE(path);
    const auto audit = look_at(path);
    EXPECT_THAT(audit.refused,
                UnorderedElementsAre(
                    "CUDA: ncclBcast has no visible result: no cheap instruction knows it",
                    "CUDA: ncclGroupStart has no visible result: no cheap instruction knows it"));
    std::set<uint64_t> seen, wanted;
    for (const auto& point : audit.points.at("cuda_call_begins"))
      seen.insert(CUDA_ENTRY_CALL(point.cookie));
    for (const auto& function : cuda_functions())
      if (function.action == CUDA_ACTION_COLLECTIVE) wanted.insert(function.call);
    EXPECT_TRUE(std::includes(seen.begin(), seen.end(), wanted.begin(), wanted.end()));
  }
}

TEST(CudaAuditTest, CommunicatorsOfNcclAreSeenWhereTheirArgumentsStillAreAndWhenTheyAreMade) {
  const auto found = libraries("libnccl.so");
  if (found.empty()) GTEST_SKIP() << "no libnccl: prepare-peers.sh makes the torch peer";
  for (const auto& path : found) {
    SCOPED_TRACE(path);
    const auto audit = look_at(path);
    for (const auto& function : cuda_functions()) {
      const bool makes =
          function.action == CUDA_ACTION_COMMUNICATOR || function.action == CUDA_ACTION_SPLIT;
      if (!makes && function.action != CUDA_ACTION_COMMUNICATOR_END) continue;
      ASSERT_TRUE(audit.symbols.contains(function.symbol)) << function.symbol;
      // At the first push: at once, or behind a constant that is loaded.
      const uint64_t address = audit.symbols.at(std::string(function.symbol)).address;
      const uint64_t offset = *audit.image->file_offset(address);
      const auto& begins = audit.points.at("cuda_call_begins");
      const auto begin = std::find_if(begins.begin(), begins.end(), [&](const ProbePoint& point) {
        return CUDA_ENTRY_CALL(point.cookie) == function.call;
      });
      ASSERT_NE(begin, begins.end()) << function.symbol;
      EXPECT_LE(begin->file_offset - offset, 10u) << function.symbol;
      EXPECT_EQ(begin->cookie >> CUDA_ENTRY_DEPTH_SHIFT, 0u) << function.symbol;
      EXPECT_EQ((begin->cookie & CUDA_ENTRY_HAS_EXIT) != 0, makes) << function.symbol;
      if (!makes) continue;
      const auto& ends = audit.points.at("cuda_call_ends");
      const auto end = std::count_if(ends.begin(), ends.end(), [&](const ProbePoint& point) {
        return ((point.cookie >> CUDA_EXIT_CALL_SHIFT) & 0xff) == function.call;
      });
      const auto ways = exit_points(*audit.image, address);
      ASSERT_TRUE(ways) << function.symbol;
      EXPECT_EQ(static_cast<size_t>(end), ways->size()) << function.symbol;
    }
  }
}

}  // namespace
}  // namespace tacit::runtime
