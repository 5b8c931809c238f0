// SPDX-License-Identifier: Apache-2.0
// The shipped library in a program of known counts: what is launched is what is recorded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "fake_run.h"

namespace tacit::cupti {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

void expect_good(const FakeRun& run, const Recording& recording) {
  EXPECT_THAT(recording.problems, IsEmpty());
  EXPECT_EQ(run.output().find("fake CU"), std::string::npos) << run.output();
}

// CUDA 12.1, 12.4, 12.9, 13.0, 13.5: the version's number and its major.
class EveryVersion : public testing::TestWithParam<std::pair<const char*, int>> {};

TEST_P(EveryVersion, EveryCallIsOneRecordWithItsLaunch) {
  const auto [version, major] = GetParam();
  FakeRun run(major);
  run.set("FAKE_CUPTI_API", version);
  ASSERT_EQ(run.run({"--kernels", "5000", "--names", "7", "--copies", "300", "--sets", "200",
                     "--syncs", "100"}), 0) << run.output();
  const Recording recording = run.recording();
  expect_good(run, recording);
  const auto kernels = recording.of_kind(GPU_RECORD_KERNEL);
  ASSERT_EQ(kernels.size(), 5000u);
  ASSERT_EQ(recording.of_kind(GPU_RECORD_COPY).size(), 300u);
  ASSERT_EQ(recording.of_kind(GPU_RECORD_SET).size(), 200u);
  ASSERT_EQ(recording.of_kind(GPU_RECORD_SYNC).size(), 100u);
  EXPECT_EQ(recording.records(), 5600u);
  EXPECT_EQ(recording.names.size(), 7u);
  EXPECT_EQ(recording.last().dropped, 0u);
  EXPECT_EQ(recording.last().invalid, 0u);
  EXPECT_EQ(recording.last().error, 0);
  EXPECT_EQ(recording.last().cupti_version, std::stoul(version));
  EXPECT_EQ(recording.last().state, uint32_t{GPU_TRACER_ACTIVE});

  uint64_t before_ns = 0, busy_ns = 0;
  for (size_t at = 0; at < kernels.size(); ++at) {
    const gpu_record& kernel = kernels[at];
    ASSERT_EQ(kernel.correlation, at + 1);  // the fake counts calls, a nested one is none
    ASSERT_EQ(kernel.tid, run.tid());
    ASSERT_GT(kernel.launch_ns, 0u);
    ASSERT_LE(kernel.launch_ns, kernel.start_ns);
    ASSERT_GE(kernel.start_ns, before_ns);
    ASSERT_EQ(recording.names.at(kernel.name),
              "_Z9kernel_00" + std::to_string(at % 7) + "PfS_i");
    ASSERT_EQ(kernel.device, 0);
    ASSERT_EQ(kernel.context, 1u);
    ASSERT_EQ(kernel.stream, 7u);
    ASSERT_EQ(kernel.graph, 0u);
    before_ns = kernel.end_ns;
    busy_ns += kernel.end_ns - kernel.start_ns;
  }
  EXPECT_EQ(busy_ns, 5000u * 1000);

  uint64_t copied = 0, to_host = 0, set_bytes = 0;
  for (const auto& copy : recording.of_kind(GPU_RECORD_COPY)) {
    copied += copy.bytes;
    to_host += copy.detail == GPU_COPY_DEVICE_TO_HOST ? 1 : 0;
    EXPECT_EQ(copy.tid, run.tid());
  }
  EXPECT_EQ(copied, 300u * 1024 + 299 * 300 / 2);
  EXPECT_EQ(to_host, 150u);
  for (const auto& set : recording.of_kind(GPU_RECORD_SET)) set_bytes += set.bytes;
  EXPECT_EQ(set_bytes, 200u * 64 + 199 * 200 / 2);
  for (const auto& sync : recording.of_kind(GPU_RECORD_SYNC)) {
    EXPECT_EQ(sync.tid, run.tid());
    EXPECT_EQ(sync.detail, 3);
    EXPECT_EQ(sync.device, 0) << "known from the context's kernels";
  }
}

INSTANTIATE_TEST_SUITE_P(Cupti, EveryVersion,
                         testing::Values(std::pair{"18", 12}, std::pair{"22", 12},
                                         std::pair{"28", 12}, std::pair{"130001", 13},
                                         std::pair{"130500", 13}));

TEST(Fakes, DriverCallsAreSeenToo) {
  FakeRun run;
  ASSERT_EQ(run.run({"--kernels", "1000", "--driver", "--context-first"}), 0) << run.output();
  const Recording recording = run.recording();
  expect_good(run, recording);
  const auto kernels = recording.of_kind(GPU_RECORD_KERNEL);
  ASSERT_EQ(kernels.size(), 1000u);
  for (const auto& kernel : kernels) ASSERT_EQ(kernel.tid, run.tid());
}

TEST(Fakes, EachThreadHasItsOwnLaunches) {
  FakeRun run;
  ASSERT_EQ(run.run({"--kernels", "3000", "--threads", "4"}), 0) << run.output();
  const Recording recording = run.recording();
  expect_good(run, recording);
  std::map<uint32_t, uint32_t> by_thread;
  std::set<uint32_t> correlations;
  for (const auto& kernel : recording.of_kind(GPU_RECORD_KERNEL)) {
    ++by_thread[kernel.tid];
    correlations.insert(kernel.correlation);
  }
  ASSERT_EQ(by_thread.size(), 4u);
  for (const auto& [tid, launches] : by_thread) EXPECT_EQ(launches, 3000u) << tid;
  EXPECT_EQ(correlations.size(), 12000u);
}

TEST(Fakes, NodesOfAGraphShareTheLaunch) {
  FakeRun run;
  ASSERT_EQ(run.run({"--graphs", "50", "--nodes", "20"}), 0) << run.output();
  const Recording recording = run.recording();
  expect_good(run, recording);
  std::map<uint32_t, uint32_t> nodes;
  for (const auto& kernel : recording.of_kind(GPU_RECORD_KERNEL)) {
    EXPECT_EQ(kernel.graph, 7u);
    EXPECT_EQ(kernel.tid, run.tid());
    ++nodes[kernel.correlation];
  }
  ASSERT_EQ(nodes.size(), 50u);
  for (const auto& [correlation, count] : nodes) EXPECT_EQ(count, 20u) << correlation;
}

TEST(Fakes, CorrelationIdsWrap) {
  FakeRun run;
  run.set("FAKE_CUPTI_FIRST_CORRELATION", "4294967196");
  ASSERT_EQ(run.run({"--kernels", "300"}), 0) << run.output();
  const auto kernels = run.recording().of_kind(GPU_RECORD_KERNEL);
  ASSERT_EQ(kernels.size(), 300u);
  EXPECT_EQ(kernels.front().correlation, 4294967196u);
  EXPECT_EQ(kernels.back().correlation, 200u);
  for (const auto& kernel : kernels) ASSERT_EQ(kernel.tid, run.tid());
}

TEST(Fakes, DroppedRecordsAreCountedExactly) {
  FakeRun run;
  run.set("FAKE_CUPTI_DROP_EVERY", "10");
  ASSERT_EQ(run.run({"--kernels", "5000"}), 0) << run.output();
  const Recording recording = run.recording();
  EXPECT_EQ(recording.of_kind(GPU_RECORD_KERNEL).size(), 4500u);
  EXPECT_EQ(recording.last().dropped, 500u);
}

class ImpossibleTimes : public testing::TestWithParam<const char*> {};

TEST_P(ImpossibleTimes, AreCountedAndNotDelivered) {
  FakeRun run;
  run.set(GetParam(), "7");
  ASSERT_EQ(run.run({"--kernels", "700"}), 0) << run.output();
  const Recording recording = run.recording();
  expect_good(run, recording);
  EXPECT_EQ(recording.of_kind(GPU_RECORD_KERNEL).size(), 600u);
  EXPECT_EQ(recording.last().invalid, 100u);
  EXPECT_EQ(recording.last().dropped, 0u);
}

INSTANTIATE_TEST_SUITE_P(Stamps, ImpossibleTimes,
                         testing::Values("FAKE_CUPTI_ZERO_EVERY", "FAKE_CUPTI_REVERSED_EVERY",
                                         "FAKE_CUPTI_EARLY_EVERY"));

TEST(Fakes, BuffersThatComeLateFromAnotherThread) {
  FakeRun run;
  run.set("FAKE_CUPTI_LATE_MS", "3");
  ASSERT_EQ(run.run({"--kernels", "10000", "--threads", "2"}), 0) << run.output();
  const Recording recording = run.recording();
  expect_good(run, recording);
  EXPECT_EQ(recording.of_kind(GPU_RECORD_KERNEL).size(), 20000u);  // in 17 of the 32 buffers
  EXPECT_EQ(recording.last().dropped, 0u);
}

// CUPTI holds every buffer until the end: 32 of 1260 records are kept, what came in spares, or after
// a refusal, is counted. Before CUDA 12.9 nothing may be refused (the fake aborts).
class HeldBuffers : public testing::TestWithParam<const char*> {};

TEST_P(HeldBuffers, AreBoundedAndTheRestIsCounted) {
  FakeRun run(12);
  run.set("FAKE_CUPTI_API", GetParam()).set("FAKE_CUPTI_HOLD", "1");
  ASSERT_EQ(run.run({"--kernels", "50000"}), 0) << run.output();
  const Recording recording = run.recording();
  expect_good(run, recording);
  EXPECT_EQ(recording.of_kind(GPU_RECORD_KERNEL).size(), 32u * 1260);
  EXPECT_EQ(recording.last().dropped, 50000u - 32 * 1260);
}

INSTANTIATE_TEST_SUITE_P(Cupti, HeldBuffers, testing::Values("18", "28"));

TEST(Fakes, TheClockIsRegisteredOnceAndFirst) {
  FakeRun run;
  ASSERT_EQ(run.run({"--kernels", "10"}), 0) << run.output();
  const auto calls = run.cupti_calls();
  const auto clock = std::find(calls.begin(), calls.end(), "cuptiActivityRegisterTimestampCallback");
  const auto kind = std::find(calls.begin(), calls.end(), "cuptiActivityEnable 10");
  ASSERT_NE(kind, calls.end());
  EXPECT_LT(clock - calls.begin(), kind - calls.begin());
  EXPECT_EQ(std::count(calls.begin(), calls.end(), "cuptiActivityRegisterTimestampCallback"), 1);
}

TEST(Fakes, DeviceMemoryIsBoundedBeforeTheContext) {
  FakeRun run;
  ASSERT_EQ(run.run({"--context-first"}), 0) << run.output();
  const auto calls = run.cupti_calls();
  EXPECT_THAT(calls, Contains("cuptiActivitySetAttribute 0 3145728"));
  EXPECT_THAT(calls, Contains("cuptiActivitySetAttribute 2 10"));
  EXPECT_THAT(calls, Contains("cuptiActivitySetAttribute 6 2"));
}

TEST(Fakes, WithoutAContextNothingIsEnabled) {
  FakeRun run;
  ASSERT_EQ(run.run({"--idle"}), 0) << run.output();
  EXPECT_THAT(run.cupti_calls(), Not(Contains(StartsWith("cuptiActivityEnable"))));
  EXPECT_THAT(run.cupti_calls(), Not(Contains(StartsWith("cuptiActivityFlushAll"))));
  const Recording recording = run.recording();
  ASSERT_EQ(recording.blocks.size(), 1u);
  EXPECT_EQ(recording.last().slots, 0u);
  EXPECT_EQ(recording.last().state, uint32_t{GPU_TRACER_WAITING});
}

TEST(Fakes, SwitchedOffIsNotOneCall) {
  FakeRun run;
  run.set("TACIT_CUPTI_OFF", "1");
  ASSERT_EQ(run.run({"--kernels", "100"}), 0) << run.output();
  EXPECT_THAT(run.cupti_calls(), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(run.folder() / "blocks"));
}

TEST(Fakes, LongNamesGoThrough) {
  FakeRun run;
  ASSERT_EQ(run.run({"--kernels", "500", "--names", "40", "--name-bytes", "1500"}), 0);
  const Recording recording = run.recording();
  expect_good(run, recording);
  ASSERT_EQ(recording.names.size(), 40u);
  for (const auto& [number, name] : recording.names) {
    EXPECT_EQ(name.size(), size_t{GPU_NAME_BYTES});
    EXPECT_THAT(name, StartsWith("_Z9kernel_0"));
  }
  EXPECT_EQ(recording.of_kind(GPU_RECORD_KERNEL).size(), 500u);
}

}  // namespace
}  // namespace tacit::cupti
