// SPDX-License-Identifier: Apache-2.0
// Times are in milliseconds here, so that the stories can be read.
#include "agent/gpu/training_loop.h"

#include <gtest/gtest.h>

namespace tacit::gpu {
namespace {

constexpr uint64_t kMs = 1'000'000;

class Story {
 public:
  Story& data(uint64_t ms) { return tell(TRAINING_DATA_BEGIN, ms); }
  Story& given(uint64_t ms) { return tell(TRAINING_DATA_END, ms); }
  Story& cleared(uint64_t ms) {
    loop.gradients_cleared(ms * kMs);
    return *this;
  }
  Story& backward(uint64_t ms) { return tell(TRAINING_BACKWARD, ms); }
  Story& step(uint64_t ms, const char* optimizer = "SGD.step") {
    return tell(TRAINING_STEP_BEGIN, ms, optimizer);
  }
  Story& stepped(uint64_t ms) { return tell(TRAINING_STEP_END, ms); }
  Story& tell(training_action action, uint64_t ms, const char* text = "", bool sees_ends = true) {
    if (auto ended = loop.mark(action, text, sees_ends, ms * kMs)) finished.push_back(*ended);
    return *this;
  }
  uint64_t begin_ms(size_t step) const { return finished.at(step).begin_ns.value() / kMs; }

  TrainingLoop loop;
  std::vector<FinishedStep> finished;
};

double p50_ms(Story& story) {
  return static_cast<double>(story.loop.figures().step_p50_ns.value()) / kMs;
}

TEST(TrainingLoop, OneIteration) {
  Story story;
  story.data(100).given(103).cleared(104).backward(110).step(130).stepped(135);
  const auto figures = story.loop.figures();
  EXPECT_EQ(figures.steps, 1u);
  EXPECT_EQ(figures.optimizers, (std::map<std::string, uint64_t>{{"SGD", 1}}));
  EXPECT_EQ(figures.backward_passes, 1u);
  EXPECT_EQ(figures.loader_calls, 1u);
  EXPECT_EQ(figures.times.data_wait_ns, 3 * kMs);
  EXPECT_EQ(figures.times.forward_ns, 7 * kMs);
  EXPECT_EQ(figures.times.backward_ns, 20 * kMs);
  EXPECT_EQ(figures.times.optimizer_ns, 5 * kMs);
  EXPECT_NEAR(p50_ms(story), 35, 0.1);
  EXPECT_EQ(story.begin_ms(0), 100u);
  EXPECT_EQ(story.loop.begin_ns(), 100 * kMs);
  EXPECT_EQ(story.loop.end_ns(), 135 * kMs);
}

TEST(TrainingLoop, AccumulationIsOneStep) {
  Story story;
  for (const uint64_t at : {0u, 20u, 40u}) story.data(at + 1).given(at + 2).backward(at + 10);
  story.step(60).stepped(61);
  const auto figures = story.loop.figures();
  EXPECT_EQ(figures.steps, 1u);
  EXPECT_EQ(figures.backward_passes, 3u);
  EXPECT_EQ(figures.times.data_wait_ns, 3 * kMs);
  EXPECT_EQ(figures.times.forward_ns, 24 * kMs);
  EXPECT_EQ(figures.times.backward_ns, (11 + 11 + 10) * kMs);
  EXPECT_EQ(story.begin_ms(0), 1u);
}

TEST(TrainingLoop, EvaluationBelongsToNoStep) {
  Story story;
  story.data(1).given(2).backward(5).step(8).stepped(10);
  story.data(11).given(500).data(501).given(900);  // no backward pass
  story.data(901).given(902).backward(905).step(908).stepped(911);
  const auto figures = story.loop.figures();
  EXPECT_EQ(story.begin_ms(1), 901u);
  EXPECT_EQ(figures.loader_calls, 4u);
  EXPECT_EQ(figures.times.data_wait_ns, 2 * kMs);
  EXPECT_EQ(figures.times.forward_ns, 6 * kMs);
}

TEST(TrainingLoop, OptimizersOneAfterTheOtherShareOneTime) {
  Story story;
  for (const uint64_t at : {100u, 200u, 300u})
    story.data(at).given(at + 1).backward(at + 10).step(at + 20).stepped(at + 30)
        .step(at + 31, "Adam.step").stepped(at + 40);
  const auto figures = story.loop.figures();
  EXPECT_EQ(figures.steps, 6u);
  EXPECT_EQ(figures.optimizers, (std::map<std::string, uint64_t>{{"SGD", 3}, {"Adam", 3}}));
  EXPECT_FALSE(story.finished[1].begin_ns.has_value());
  EXPECT_NEAR(p50_ms(story), 40, 0.1);
}

TEST(TrainingLoop, WithoutALoaderTheStepBeforeIsTheBegin) {
  Story story;
  story.cleared(5).backward(10).step(20).stepped(25);
  story.cleared(30).backward(40).step(50).stepped(60);
  EXPECT_EQ(story.begin_ms(0), 5u);
  EXPECT_EQ(story.begin_ms(1), 25u);
}

TEST(TrainingLoop, AFirstStepThatNothingPrecededHasNoTime) {
  Story story;
  story.backward(10).step(20).stepped(25);
  EXPECT_FALSE(story.finished[0].begin_ns.has_value());
  EXPECT_FALSE(story.loop.figures().step_p50_ns.has_value());
  EXPECT_EQ(story.loop.begin_ns(), 10 * kMs);
}

TEST(TrainingLoop, AnOptimizerInsideAnotherIsNotAStep) {
  Story story;
  story.data(1).given(2).backward(3).step(10, "Lookahead.step").step(11, "Adam.step").stepped(15);
  EXPECT_TRUE(story.finished.empty());
  story.stepped(20);
  EXPECT_EQ(story.finished.at(0).optimizer, "Lookahead");
  EXPECT_EQ(story.loop.figures().times.optimizer_ns, 10 * kMs);
}

TEST(TrainingLoop, AStepWithAClosureIsOnePart) {
  Story story;
  story.data(1).given(2).step(5).cleared(6).backward(7).backward(9).stepped(12);
  story.data(20).given(21).backward(25).step(27).stepped(30);
  const auto figures = story.loop.figures();
  EXPECT_EQ(figures.backward_passes, 3u);
  EXPECT_EQ(figures.times.closure_ns, 7 * kMs);
  EXPECT_EQ(figures.times.backward_ns, 2 * kMs);  // of the step without one
  EXPECT_EQ(figures.times.optimizer_ns, 3 * kMs);
  EXPECT_EQ(figures.steps, 2u);
}

TEST(TrainingLoop, WhereEndsAreNotSeen) {
  Story story;
  for (const uint64_t at : {10u, 20u}) {
    story.tell(TRAINING_DATA_BEGIN, at, "", false).backward(at + 3);
    story.tell(TRAINING_STEP_BEGIN, at + 6, "SGD.step", false);
  }
  const auto figures = story.loop.figures();
  EXPECT_EQ(figures.steps, 2u);
  EXPECT_FALSE(figures.times_known);
  EXPECT_EQ(figures.times.data_wait_ns, 0u);
  EXPECT_EQ(figures.times.forward_ns, 0u);
  EXPECT_NEAR(p50_ms(story), 6, 0.1);
}

TEST(TrainingLoop, EndsWithoutABeginAndTimesThatGoBack) {
  Story story;
  story.stepped(50).given(40).backward(45).step(30).stepped(20);
  EXPECT_EQ(story.loop.figures().steps, 1u);
  EXPECT_EQ(story.loop.end_ns(), 50 * kMs);
  EXPECT_EQ(story.loop.times().backward_ns, 0u);
}

TEST(TrainingLoop, NamesOfOptimizers) {
  EXPECT_EQ(optimizer_name("Adam.step"), "Adam");
  EXPECT_EQ(optimizer_name("My_Own2.step"), "My_Own2");
  EXPECT_EQ(optimizer_name("a.b.step"), "a_b");
  EXPECT_EQ(optimizer_name("\x1b[31m\"evil\n.step"), "__31m_evil_");
  EXPECT_EQ(optimizer_name(""), "unknown");
  EXPECT_EQ(optimizer_name(std::string(500, 'x')), std::string(40, 'x'));
}

TEST(TrainingLoop, NamesAreBounded) {
  Story story;
  for (int i = 0; i < 40; ++i)
    story.step(static_cast<uint64_t>(i), ("O" + std::to_string(i) + ".step").c_str())
        .stepped(static_cast<uint64_t>(i));
  const auto figures = story.loop.figures();
  EXPECT_EQ(figures.optimizers.size(), TrainingLoop::kMaxOptimizers + 1);
  EXPECT_EQ(figures.optimizers.at("other"), 40 - TrainingLoop::kMaxOptimizers);
}

}  // namespace
}  // namespace tacit::gpu
