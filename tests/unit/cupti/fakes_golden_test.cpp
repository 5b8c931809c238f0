// SPDX-License-Identifier: Apache-2.0
// Recordings for tests of whoever reads blocks: what the library wrote in fake programs. Times and
// ids differ in every run, so what is compared is what they must agree in. TACIT_UPDATE_GOLDEN=1
// writes them anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "fake_run.h"

namespace tacit::cupti {
namespace {

struct Case {
  const char* name;
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;
  size_t kernels, copies, sets, syncs, names;
  uint64_t dropped, invalid;
  gpu_tracer_state state;
};

const Case kCases[] = {
    {"training", {"--kernels", "600", "--names", "6", "--name-bytes", "90", "--copies", "40",
                  "--sets", "20", "--syncs", "30"}, {}, 600, 40, 20, 30, 6, 0, 0, GPU_TRACER_ACTIVE},
    {"graphs", {"--graphs", "30", "--nodes", "10", "--kernels", "20"}, {},
     320, 0, 0, 0, 4, 0, 0, GPU_TRACER_ACTIVE},
    {"losses", {"--kernels", "400"},
     {{"FAKE_CUPTI_DROP_EVERY", "8"}, {"FAKE_CUPTI_ZERO_EVERY", "10"}},
     320, 0, 0, 0, 4, 50, 30, GPU_TRACER_ACTIVE},
    {"yielded", {"--kernels", "10", "--foreign-ms", "60000"}, {},
     0, 0, 0, 0, 0, 0, 0, GPU_TRACER_YIELDED},
};

class Golden : public testing::TestWithParam<Case> {};

void expect_case(const Case& expected, const Recording& recording) {
  EXPECT_THAT(recording.problems, testing::IsEmpty());
  EXPECT_EQ(recording.of_kind(GPU_RECORD_KERNEL).size(), expected.kernels);
  EXPECT_EQ(recording.of_kind(GPU_RECORD_COPY).size(), expected.copies);
  EXPECT_EQ(recording.of_kind(GPU_RECORD_SET).size(), expected.sets);
  EXPECT_EQ(recording.of_kind(GPU_RECORD_SYNC).size(), expected.syncs);
  EXPECT_EQ(recording.names.size(), expected.names);
  EXPECT_EQ(recording.last().dropped, expected.dropped);
  EXPECT_EQ(recording.last().invalid, expected.invalid);
  EXPECT_EQ(recording.last().state, static_cast<uint32_t>(expected.state));
}

TEST_P(Golden, ARunAndItsRecordingAgree) {
  const Case& expected = GetParam();
  const auto file = std::filesystem::path(TACIT_RECORDINGS) / (std::string(expected.name) + ".bin");
  FakeRun run;
  for (const auto& [name, value] : expected.environment) run.set(name, value);
  ASSERT_EQ(run.run(expected.arguments), 0) << run.output();
  expect_case(expected, run.recording());
  if (std::getenv("TACIT_UPDATE_GOLDEN") != nullptr)
    std::filesystem::copy_file(run.folder() / "blocks", file,
                               std::filesystem::copy_options::overwrite_existing);
  expect_case(expected, read_recording(file));
}

// Takes 25 s to make: FAKE_CUPTI_OVERHEAD_NS=5000000 and TACIT_CUPTI_FILE, fake_cuda_app --kernels 832
// --rate 32 --copies 10, with the default budget.
TEST(GoldenRecording, GovernedStepsDownInOrder) {
  const Recording recording =
      read_recording(std::filesystem::path(TACIT_RECORDINGS) / "governed.bin");
  EXPECT_THAT(recording.problems, testing::IsEmpty());
  std::vector<uint32_t> states;
  for (const auto& block : recording.blocks)
    if (states.empty() || states.back() != block.header.state) states.push_back(block.header.state);
  EXPECT_THAT(states, testing::ElementsAre(GPU_TRACER_ACTIVE, GPU_TRACER_NO_COPIES,
                                           GPU_TRACER_GRAPHS, GPU_TRACER_DUTY_CYCLE));
  EXPECT_TRUE(recording.of_kind(GPU_RECORD_COPY).empty()) << "copies came when they were off";
  EXPECT_GT(recording.last().overhead_ns, 3'000'000'000u);
}

INSTANTIATE_TEST_SUITE_P(Recordings, Golden, testing::ValuesIn(kCases),
                         [](const auto& made) { return std::string(made.param.name); });

}  // namespace
}  // namespace tacit::cupti
