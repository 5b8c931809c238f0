// SPDX-License-Identifier: Apache-2.0
// Other tools, failures and endings: the program goes on, and what happened is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

#include "fake_run.h"

namespace tacit::cupti {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

TEST(Endings, AForeignSubscriberIsLeftAlone) {
  FakeRun run;
  ASSERT_EQ(run.run({"--kernels", "100", "--foreign-ms", "60000"}), 0) << run.output();
  const Recording recording = run.recording();
  EXPECT_THAT(recording.problems, IsEmpty());
  EXPECT_EQ(recording.records(), 0u);
  EXPECT_EQ(recording.last().state, uint32_t{GPU_TRACER_YIELDED});
  EXPECT_EQ(recording.last().error, 39);
  EXPECT_THAT(run.cupti_calls(), Contains("cuptiSubscribe = 39"));
  EXPECT_THAT(run.cupti_calls(), Not(Contains(StartsWith("cuptiActivity"))));
}

TEST(Endings, WhenTheForeignSubscriberIsGoneTracingBegins) {
  FakeRun run;
  run.set("TACIT_CUPTI_PATIENCE", "0");  // a try each second
  ASSERT_EQ(run.run({"--foreign-ms", "200", "--pause-ms", "3500", "--kernels", "100"}), 0);
  const Recording recording = run.recording();
  EXPECT_THAT(recording.problems, IsEmpty());
  EXPECT_TRUE(recording.had_state(GPU_TRACER_YIELDED));
  EXPECT_EQ(recording.last().state, uint32_t{GPU_TRACER_ACTIVE});
  EXPECT_EQ(recording.last().error, 0);
  EXPECT_EQ(recording.of_kind(GPU_RECORD_KERNEL).size(), 100u);
}

// None is mapped: libcudart.so.13 tells the major version, and libcupti.so.13 is beside it.
TEST(Endings, ACuptiOfTheRuntimesVersionIsLoaded) {
  FakeRun run;
  run.without("cupti");
  ASSERT_EQ(run.run({"--kernels", "100"}), 0) << run.output();
  const Recording recording = run.recording();
  EXPECT_EQ(recording.last().cupti_version, 130001u);
  EXPECT_EQ(recording.of_kind(GPU_RECORD_KERNEL).size(), 100u);
}

TEST(Endings, WithoutACuptiThereIsNothingToDo) {
  FakeRun run;
  run.without("cupti");
  for (const char* name : {"libcuda.so.1", "libcudart.so.13"})
    std::filesystem::copy(std::filesystem::path(TACIT_FAKE_APP).parent_path() / name,
                          run.folder() / name);
  run.set("LD_LIBRARY_PATH", run.folder().string());
  ASSERT_EQ(run.run({"--kernels", "100"}), 0) << run.output();
  const Recording recording = run.recording();
  EXPECT_EQ(recording.records(), 0u);
  EXPECT_EQ(recording.last().state, uint32_t{GPU_TRACER_UNSUPPORTED});
  EXPECT_EQ(recording.last().cupti_version, 0u);
}

class UnknownVersion : public testing::TestWithParam<const char*> {};

TEST_P(UnknownVersion, IsUnsupported) {
  FakeRun run;
  run.set("FAKE_CUPTI_API", GetParam());
  ASSERT_EQ(run.run({"--kernels", "100"}), 0) << run.output();
  const Recording recording = run.recording();
  EXPECT_EQ(recording.records(), 0u);
  EXPECT_EQ(recording.last().state, uint32_t{GPU_TRACER_UNSUPPORTED});
  EXPECT_EQ(recording.last().cupti_version, std::stoul(GetParam()));
  EXPECT_EQ(run.cupti_calls(), std::vector<std::string>{"cuptiGetVersion"});
}

INSTANTIATE_TEST_SUITE_P(Cupti, UnknownVersion, testing::Values("17", "140000"));

// CUPTI has ended itself: not one call after that (the fake aborts), and the program goes on.
TEST(Endings, AFatalErrorIsTheEndOfTracing) {
  FakeRun run;
  run.set("FAKE_CUPTI_FATAL_AFTER", "50");
  ASSERT_EQ(run.run({"--kernels", "1000", "--linger-ms", "1500"}), 0) << run.output();
  EXPECT_EQ(run.recording().last().state, uint32_t{GPU_TRACER_FAILED});
  EXPECT_NE(run.output().find("done"), std::string::npos);
}

TEST(Endings, WithoutTheRightToTraceItIsLetBe) {
  FakeRun run;
  run.set("FAKE_CUPTI_ENABLE_RESULT", "35");
  ASSERT_EQ(run.run({"--kernels", "100", "--linger-ms", "2500", "--foreign-later"}), 0);
  const Recording recording = run.recording();
  EXPECT_EQ(recording.records(), 0u);
  EXPECT_EQ(recording.last().state, uint32_t{GPU_TRACER_FAILED});
  EXPECT_EQ(recording.last().error, 35);
  EXPECT_THAT(run.output(), HasSubstr("foreign=0\n")) << "CUPTI is free for others";
}

// The child runs atexit; the fake aborts if CUPTI is called there.
TEST(Endings, AForkedChildDoesNothing) {
  FakeRun run;
  ASSERT_EQ(run.run({"--kernels", "100", "--forks"}), 0) << run.output();
  const Recording recording = run.recording();
  EXPECT_THAT(recording.problems, IsEmpty()) << "the child wrote no block of its own";
  EXPECT_EQ(recording.of_kind(GPU_RECORD_KERNEL).size(), 100u);
}

// A flush that never returns holds the program's end up by two seconds, not for ever.
TEST(Endings, AnEndingIsBounded) {
  FakeRun run;
  run.set("FAKE_CUPTI_HANG_AT_EXIT", "1");
  const auto begun = std::chrono::steady_clock::now();
  ASSERT_EQ(run.run({"--kernels", "100"}), 0) << run.output();
  const auto took = std::chrono::steady_clock::now() - begun;
  EXPECT_GE(took, std::chrono::seconds(2));
  EXPECT_LT(took, std::chrono::seconds(20));
}

// No exit handler runs: what was flushed in time is there.
TEST(Endings, WithoutExitWhatWasFlushedIsThere) {
  FakeRun run;
  ASSERT_EQ(run.run({"--kernels", "100", "--linger-ms", "1500", "--quick"}), 0) << run.output();
  const Recording recording = run.recording();
  EXPECT_THAT(recording.problems, IsEmpty());
  EXPECT_EQ(recording.of_kind(GPU_RECORD_KERNEL).size(), 100u);
}

// Nobody attached and no file: after a while CUPTI is given free for others.
TEST(Endings, WhenNobodyListensCuptiIsGivenFree) {
  FakeRun run;
  run.without("TACIT_CUPTI_FILE").set("TACIT_CUPTI_PATIENCE", "1");
  ASSERT_EQ(run.run({"--kernels", "100", "--linger-ms", "3500", "--foreign-later"}), 0);
  EXPECT_THAT(run.cupti_calls(), Contains("cuptiActivityDisable 10"));
  EXPECT_THAT(run.cupti_calls(), Contains("cuptiUnsubscribe"));
  EXPECT_THAT(run.output(), HasSubstr("foreign=0\n"));
}

TEST(Endings, TheLibraryThatWasThereBeforeIsStartedToo) {
  FakeRun run;
  const std::filesystem::path fakes = std::filesystem::path(TACIT_FAKE_APP).parent_path();
  run.set("TACIT_CUPTI_NEXT", (fakes / "libnext_injection.so").string())
      .set("FAKE_NEXT_LOG", (run.folder() / "next").string());
  ASSERT_EQ(run.run({"--kernels", "100"}), 0) << run.output();
  std::string line;
  std::ifstream(run.folder() / "next") >> line;
  EXPECT_EQ(line, "initialized");
  EXPECT_EQ(run.recording().of_kind(GPU_RECORD_KERNEL).size(), 100u);
}

TEST(Endings, AFileThatCannotBeWrittenHurtsNobody) {
  FakeRun run;
  run.set("TACIT_CUPTI_FILE", "/nowhere/blocks");
  ASSERT_EQ(run.run({"--kernels", "1000"}), 0) << run.output();
  EXPECT_NE(run.output().find("done"), std::string::npos);
}

}  // namespace
}  // namespace tacit::cupti
