// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/training_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>

namespace tacit::gpu {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint64_t kMs = 1'000'000;
constexpr uint32_t kPid = 100, kTid = kPid;

class Notes final : public TrainingObserver {
 public:
  void run_began(uint64_t id, const TrainingActor& actor, uint64_t) override {
    began.emplace_back(id, actor.tid);
    requests[id] = request;
  }
  bool continues(uint64_t id, const TrainingActor&) override { return requests.at(id) == request; }
  void step_ended(uint64_t, uint32_t, const FinishedStep& step, const TrainingLoop&) override {
    steps += step.number > 0;
  }
  void checkpoint(uint32_t, bool save) override { ++(save ? saves : loads); }
  void run_ended(uint64_t, uint32_t, const TrainingLoop&, std::vector<TrainingPhase> all) override {
    ++ended;
    phases.insert(phases.end(), all.begin(), all.end());
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& phase : phases)
      out.push_back(std::string(name_of(phase.kind)) + " by " + name_of(phase.source));
    return out;
  }

  int request = 0;  // that is served
  std::map<uint64_t, int> requests;  // by run
  std::vector<std::pair<uint64_t, uint32_t>> began;
  std::vector<TrainingPhase> phases;
  int steps = 0, saves = 0, loads = 0, ended = 0;
};

class TrainingWatchTest : public testing::Test {
 protected:
  void tell(training_action action, uint64_t ms, std::string_view text = {}, uint64_t subject = 0,
            uint32_t tid = kTid, uint32_t pid = kPid, uint64_t code_ms = 0) {
    training_event raw{};
    raw.header.pid = pid;
    raw.header.tid = tid;
    raw.header.time_ns = ms * kMs;
    raw.code_ns = code_ms * kMs;
    raw.action = static_cast<uint8_t>(action);
    raw.subject = subject;
    raw.sees_ends = 1;
    watch.on(event::Training{&raw, text});
  }
  void iteration(uint64_t ms, uint32_t tid = kTid, uint32_t pid = kPid) {
    tell(TRAINING_DATA_BEGIN, ms, {}, 0, tid, pid);
    tell(TRAINING_DATA_END, ms + 1, {}, 0, tid, pid);
    tell(TRAINING_BACKWARD, ms + 5, {}, 0, tid, pid);
    tell(TRAINING_STEP_BEGIN, ms + 8, "Adam.step", 0, tid, pid);
    tell(TRAINING_STEP_END, ms + 9, {}, 0, tid, pid);
  }
  void file(std::string_view path, int descriptor, uint64_t ms, uint8_t access = 0,
            uint64_t code_ms = 0) {
    file_event raw{};
    raw.header.pid = kPid;
    raw.header.tid = kTid;
    raw.header.time_ns = ms * kMs;
    raw.code_ns = code_ms * kMs;
    raw.descriptor = descriptor;
    raw.access = access;
    watch.on(event::File{&raw, path});
  }
  void close(int descriptor, uint64_t ms) { file({}, descriptor, ms); }

  Notes notes;
  TrainingWatch watch{2, notes};
};

TEST_F(TrainingWatchTest, EndsBeginNothing) {
  for (const auto action :
       {TRAINING_STEP_END, TRAINING_DATA_END, TRAINING_SAVE_END, TRAINING_LOAD_END})
    tell(action, 10);
  EXPECT_EQ(watch.runs(), 0u);
  EXPECT_EQ(notes.saves, 1);
  EXPECT_EQ(notes.loads, 1);
  EXPECT_EQ(notes.steps, 0);
}

// What was done before the first mark that comes as an event of its own.
TEST_F(TrainingWatchTest, GradientsClearedBeforeTheFirstBackwardPass) {
  training_event raw{};
  raw.header.time_ns = 20 * kMs;
  raw.header.pid = kPid;
  raw.header.tid = kTid;
  raw.action = TRAINING_BACKWARD;
  raw.cleared_ns = 12 * kMs;
  watch.on(event::Training{&raw, {}});
  tell(TRAINING_STEP_BEGIN, 30, "SGD.step");
  tell(TRAINING_STEP_END, 32);
  watch.finish(40 * kMs);
  ASSERT_EQ(notes.names(), std::vector<std::string>{"train_loop by record_function"});
  EXPECT_EQ(notes.phases[0].begin_ns, 12 * kMs);
  EXPECT_EQ(notes.phases[0].end_ns, 32 * kMs);
}

TEST_F(TrainingWatchTest, PhasesOfARun) {
  file("/data/a.csv", 5, 100, 0, 90);
  close(5, 180);
  file("/data/b.csv", 5, 200);
  close(5, 300);
  iteration(1000);
  iteration(1010);
  tell(TRAINING_SAVE_BEGIN, 1025, "/out/last.pt", 0x10);
  tell(TRAINING_SAVE_END, 1029, {}, 0x10);
  iteration(1040);
  tell(TRAINING_SAVE_BEGIN, 1060, "/out/final.pt", 0x10);
  tell(TRAINING_SAVE_END, 1070, {}, 0x10);
  EXPECT_EQ(notes.ended, 0);
  watch.process_ended(kPid, 2000 * kMs, false);
  EXPECT_THAT(notes.names(),
              ElementsAre("load_data by file_reads", "init_model by between",
                          "train_loop by record_function", "save_model by checkpoint_write",
                          "save_model by checkpoint_write", "step by record_function"));
  const auto& [data, model, loop, in_loop, after, step] =
      std::tie(notes.phases[0], notes.phases[1], notes.phases[2], notes.phases[3], notes.phases[4],
               notes.phases[5]);
  EXPECT_THAT(data.files, ElementsAre("/data/a.csv", "/data/b.csv"));
  EXPECT_EQ(data.begin_ns, 100 * kMs);
  EXPECT_EQ(data.end_ns, 300 * kMs);
  EXPECT_EQ(model.begin_ns, 300 * kMs);
  EXPECT_EQ(model.end_ns, 1000 * kMs);
  EXPECT_EQ(loop.begin_ns, 1000 * kMs);
  EXPECT_EQ(loop.end_ns, 1049 * kMs);
  EXPECT_EQ(loop.loop->steps, 3u);
  EXPECT_TRUE(in_loop.in_loop);
  EXPECT_FALSE(after.in_loop);
  EXPECT_THAT(after.files, ElementsAre("/out/final.pt"));
  EXPECT_EQ(step.number, 2u);
  EXPECT_EQ(step.begin_ns, 1010 * kMs);
  EXPECT_EQ(notes.steps, 3);
  EXPECT_EQ(notes.saves, 2);
  EXPECT_EQ(watch.runs(), 0u);
}

TEST_F(TrainingWatchTest, TheModelMayComeBeforeTheData) {
  file("/data/a.csv", 5, 900, 0, 100);  // code was imported until 100
  close(5, 990);
  iteration(1000);
  watch.finish(2000 * kMs);
  EXPECT_THAT(notes.names(), ElementsAre("init_model by between", "load_data by file_reads",
                                         "train_loop by record_function"));
  EXPECT_EQ(notes.phases[0].begin_ns, 100 * kMs);
  EXPECT_EQ(notes.phases[0].end_ns, 900 * kMs);
}

TEST_F(TrainingWatchTest, ImportingIsNoPhase) {
  tell(TRAINING_DATA_BEGIN, 5000, {}, 0, kTid, kPid, 5000);
  tell(TRAINING_BACKWARD, 5005);
  watch.finish(6000 * kMs);
  ASSERT_THAT(notes.names(), ElementsAre("train_loop by backward"));
}

TEST_F(TrainingWatchTest, ACheckpointIsReadBeforeTheLoop) {
  tell(TRAINING_LOAD_BEGIN, 100, {}, 0x20);
  tell(TRAINING_LOAD_END, 150, {}, 0x20);
  iteration(1000);
  watch.finish(2000 * kMs);
  EXPECT_THAT(notes.names(),
              ElementsAre("init_model by checkpoint_read", "train_loop by record_function"));
  EXPECT_EQ(notes.phases[0].end_ns, 150 * kMs);
  EXPECT_EQ(notes.loads, 1);
}

TEST_F(TrainingWatchTest, AMissingFileIsWhatItFailedFor) {
  file("/data/none.csv", -ENOENT, 100);
  watch.process_ended(kPid, 200 * kMs, true);
  ASSERT_THAT(notes.names(), ElementsAre("load_data by file_reads"));
  ASSERT_TRUE(notes.phases[0].failure);
  EXPECT_EQ(notes.phases[0].failure->path, "/data/none.csv");
  EXPECT_EQ(notes.phases[0].failure->error_number, ENOENT);
  EXPECT_EQ(notes.phases[0].end_ns, 200 * kMs);
}

TEST_F(TrainingWatchTest, AFileThatWasFoundElsewhereIsNoFailure) {
  file("/data/none.csv", -ENOENT, 100);
  file("/other/none.csv", 4, 101);
  watch.process_ended(kPid, 200 * kMs, true);
  EXPECT_THAT(notes.phases, IsEmpty());  // it failed for something that was not seen
}

TEST_F(TrainingWatchTest, AMissingFileOfLongAgoExplainsNothing) {
  file("/data/none.csv", -ENOENT, 100);
  watch.process_ended(kPid, 6000 * kMs, true);
  EXPECT_THAT(notes.phases, IsEmpty());
}

TEST_F(TrainingWatchTest, EvaluationAloneIsNoTraining) {
  for (const uint64_t at : {10u, 20u, 30u}) {
    tell(TRAINING_DATA_BEGIN, at);
    tell(TRAINING_DATA_END, at + 1);
  }
  watch.process_ended(kPid, 200 * kMs, false);
  EXPECT_EQ(notes.ended, 1);
  EXPECT_THAT(notes.phases, IsEmpty());
}

TEST_F(TrainingWatchTest, TwoThreadsAreTwoRuns) {
  for (const uint64_t at : {100u, 200u}) {
    iteration(at, 7);
    iteration(at + 3, 8);
  }
  EXPECT_EQ(watch.runs(), 2u);
  watch.thread_ended(kPid, 7);
  EXPECT_EQ(notes.ended, 1);
  ASSERT_THAT(notes.names(), ElementsAre("train_loop by record_function", "step by record_function"));
  EXPECT_EQ(notes.phases[0].loop->steps, 2u);
  watch.process_ended(kPid, 500 * kMs, false);
  EXPECT_EQ(notes.ended, 2);
}

TEST_F(TrainingWatchTest, AThreadThatTrainsForAnotherRequestBeginsARun) {
  iteration(100);
  iteration(120);
  notes.request = 1;
  iteration(200);
  EXPECT_EQ(notes.ended, 1);
  EXPECT_EQ(notes.phases.at(0).loop->steps, 2u);
  EXPECT_EQ(notes.phases.at(0).end_ns, 129 * kMs);
  EXPECT_EQ(notes.began.size(), 2u);
}

TEST_F(TrainingWatchTest, ARunEndsInSilence) {
  iteration(1000);
  watch.expire(1010 * kMs + TrainingWatch::kSilenceNs - 2 * kMs);
  EXPECT_EQ(notes.ended, 0);
  watch.expire(1010 * kMs + TrainingWatch::kSilenceNs);
  EXPECT_EQ(notes.ended, 1);
  EXPECT_EQ(notes.phases.back().end_ns, 1009 * kMs);
  iteration(900'000);
  watch.finish(1'000'000 * kMs);
  EXPECT_EQ(notes.began.size(), 2u);
  EXPECT_NE(notes.began[0].first, notes.began[1].first);
}

TEST_F(TrainingWatchTest, ASaveThatNeverEndedSaysSo) {
  iteration(1000);
  tell(TRAINING_SAVE_BEGIN, 1100, "/out/m.pt", 0x10);
  watch.process_ended(kPid, 1200 * kMs, true);
  ASSERT_EQ(notes.names().back(), "save_model by checkpoint_write");
  EXPECT_FALSE(notes.phases.back().complete);
  EXPECT_EQ(notes.phases.back().end_ns, 1200 * kMs);
  EXPECT_EQ(notes.saves, 0);
}

TEST_F(TrainingWatchTest, WhatFailedToBeSavedIsOverWhenTheThreadGoesOn) {
  iteration(1000);
  tell(TRAINING_SAVE_BEGIN, 1020, "/nonexistent/x.pt", 7);
  iteration(1030);
  tell(TRAINING_SAVE_BEGIN, 1050, "/a.pt", 7);
  tell(TRAINING_SAVE_END, 1060, {}, 7);
  iteration(1070);
  watch.finish(9000 * kMs);
  std::vector<std::pair<uint64_t, bool>> ends;
  for (const auto& phase : notes.phases)
    if (phase.kind == PhaseKind::kSaveModel) ends.emplace_back(phase.end_ns, phase.complete);
  EXPECT_EQ(ends, (decltype(ends){{1030 * kMs, false}, {1060 * kMs, true}}));
}

// The first that is known of a run: it must not look silent since the beginning of time.
TEST_F(TrainingWatchTest, ASaveBeforeTheLoopIsOfItsRunButNotInTheLoop) {
  tell(TRAINING_SAVE_BEGIN, 100'000, "/a.pt", 7);
  watch.expire(100'001 * kMs);
  tell(TRAINING_SAVE_END, 100'010, {}, 7);
  watch.expire(100'500 * kMs);
  iteration(101'000);
  watch.finish(102'000 * kMs);
  EXPECT_EQ(notes.ended, 1);
  const auto save = std::find_if(notes.phases.begin(), notes.phases.end(), [](const auto& phase) {
    return phase.kind == PhaseKind::kSaveModel;
  });
  ASSERT_NE(save, notes.phases.end());
  EXPECT_TRUE(save->complete);
  EXPECT_FALSE(save->in_loop);
  EXPECT_EQ(save->end_ns, 100'010 * kMs);
}

TEST_F(TrainingWatchTest, HostileProcessesAreBounded) {
  for (uint32_t tid = 1; tid <= 200; ++tid) tell(TRAINING_BACKWARD, tid, {}, 0, tid);
  EXPECT_EQ(watch.runs(), TrainingWatch::kMaxRunsOfProcess);
  EXPECT_EQ(watch.refused(), 200 - TrainingWatch::kMaxRunsOfProcess);
  for (uint64_t i = 0; i < 1000; ++i) tell(TRAINING_SAVE_BEGIN, 300 + i, "x", i, 1);
  for (int i = 0; i < 1000; ++i) file("/d/" + std::to_string(i), i, 2000);
  for (uint32_t pid = 1000; pid < 1000 + TrainingWatch::kMaxProcesses + 5; ++pid)
    tell(TRAINING_BACKWARD, 1, {}, 0, 1, pid);
  EXPECT_EQ(watch.refused(), 200 - TrainingWatch::kMaxRunsOfProcess + 6);
  watch.finish(5000 * kMs);
  EXPECT_EQ(watch.runs(), 0u);
}

TEST(IsDataFile, SystemAndPackagesAreNone) {
  EXPECT_TRUE(is_data_file("/data/prices.parquet"));
  EXPECT_TRUE(is_data_file("relative/prices.csv"));
  EXPECT_TRUE(is_data_file("/home/me/models/last.pth"));
  EXPECT_FALSE(is_data_file("/proc/self/maps"));
  EXPECT_FALSE(is_data_file("/opt/python/lib/libpython3.11.so.1.0"));
  EXPECT_FALSE(is_data_file("/usr/lib/locale/locale-archive"));
  EXPECT_FALSE(is_data_file("/srv/venv/lib/python3.11/site-packages/torch/version.txt"));
}

}  // namespace
}  // namespace tacit::gpu
