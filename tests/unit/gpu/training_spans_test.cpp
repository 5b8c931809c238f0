// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/training_spans.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace tacit::gpu {
namespace {

template <typename T>
const T* find(const telemetry::Span& span, std::string_view key) {
  for (const auto& attribute : span.attributes)
    if (attribute.key == key) return std::get_if<T>(&attribute.value);
  return nullptr;
}

TrainingPhase loop_phase() {
  TrainingPhase phase;
  phase.source = PhaseSource::kRecordFunction;
  phase.begin_ns = 1'000'000'000;
  phase.end_ns = 3'000'000'000;
  phase.tid = 7;
  LoopFigures loop;
  loop.steps = 3;
  loop.optimizers = {{"Adam", 2}, {"SGD", 1}};
  loop.backward_passes = 4;
  loop.loader_calls = 5;
  loop.step_p50_ns = 20'000'000;
  loop.times = {.data_wait_ns = 500'000'000,
                .forward_ns = 250'000'000,
                .backward_ns = 100'000'000,
                .optimizer_ns = 333'333'333};
  phase.loop = loop;
  return phase;
}

TEST(PhaseSpan, OfALoop) {
  const auto span = phase_span(loop_phase(), 5);
  EXPECT_EQ(span.name, "train_loop");
  EXPECT_EQ(span.kind, telemetry::SpanKind::kInternal);
  EXPECT_EQ(span.start_unix_ns, 1'000'000'005u);
  EXPECT_EQ(span.end_unix_ns, 3'000'000'005u);
  EXPECT_EQ(*find<int64_t>(span, "tacit.training.steps"), 3);
  EXPECT_EQ(*find<std::vector<std::string>>(span, "tacit.training.optimizer_steps"),
            (std::vector<std::string>{"Adam=2", "SGD=1"}));
  EXPECT_EQ(*find<double>(span, "tacit.training.step.duration.p50"), 0.02);
  EXPECT_EQ(find<double>(span, "tacit.training.step.duration.p95"), nullptr);
  EXPECT_EQ(*find<double>(span, "tacit.training.data_wait.share"), 0.25);
  EXPECT_EQ(*find<double>(span, "tacit.training.optimizer.share"), 0.1667);
  EXPECT_EQ(find<double>(span, "tacit.training.closure.share"), nullptr);
  EXPECT_EQ(*find<int64_t>(span, "thread.id"), 7);
}

TEST(PhaseSpan, SharesThatAreNotKnownAreLeftOut) {
  auto phase = loop_phase();
  phase.loop->times_known = false;
  const auto span = phase_span(phase, 0);
  for (const char* part : {"data_wait", "forward", "backward", "optimizer"})
    EXPECT_EQ(find<double>(span, std::string("tacit.training.") + part + ".share"), nullptr);
}

TEST(PhaseSpan, PartsThatLieInClosuresAreLeftOut) {
  auto phase = loop_phase();
  phase.loop->times = {.data_wait_ns = 500'000'000, .closure_ns = 1'000'000'000};
  const auto span = phase_span(phase, 0);
  EXPECT_EQ(*find<double>(span, "tacit.training.data_wait.share"), 0.25);
  EXPECT_EQ(*find<double>(span, "tacit.training.closure.share"), 0.5);
  for (const char* part : {"forward", "backward", "optimizer"})
    EXPECT_EQ(find<double>(span, std::string("tacit.training.") + part + ".share"), nullptr);
}

TEST(PhaseSpan, StepsThatAreNotToldAreLeftOut) {
  auto phase = loop_phase();
  phase.loop->steps = 0;
  phase.loop->optimizers.clear();
  const auto span = phase_span(phase, 0);
  EXPECT_EQ(find<int64_t>(span, "tacit.training.steps"), nullptr);
  EXPECT_EQ(*find<int64_t>(span, "tacit.training.backward_passes"), 4);
}

TEST(PhaseSpan, OfAFailure) {
  TrainingPhase phase;
  phase.kind = PhaseKind::kLoadData;
  phase.begin_ns = 20;
  phase.end_ns = 10;
  phase.failure = FileFailure{"/data/x.csv", EACCES};
  const auto span = phase_span(phase, 0);
  EXPECT_EQ(span.status, telemetry::StatusCode::kError);
  EXPECT_EQ(span.status_message, "/data/x.csv: Permission denied");
  EXPECT_EQ(*find<std::string>(span, "error.type"), "EACCES");
  EXPECT_EQ(span.end_unix_ns, span.start_unix_ns);
}

TEST(PhaseSpan, OfAnErrorNumberThatIsNone) {
  TrainingPhase phase;
  phase.failure = FileFailure{"x", 99999};
  EXPECT_EQ(*find<std::string>(phase_span(phase, 0), "error.type"), "unknown");
}

TEST(PhaseSpan, FilesAreNamedUpToABound) {
  TrainingPhase phase;
  phase.kind = PhaseKind::kSaveModel;
  phase.files = {"a"};
  phase.file_count = 3;
  phase.complete = false;
  const auto span = phase_span(phase, 0);
  EXPECT_EQ(*find<int64_t>(span, "tacit.training.file_count"), 3);
  EXPECT_EQ(*find<std::string>(span, "tacit.outcome"), "unknown");
}

}  // namespace
}  // namespace tacit::gpu
