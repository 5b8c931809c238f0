// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/training_loop.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace tacit::gpu {

std::string optimizer_name(std::string_view text) {
  constexpr size_t kMaxName = 40;
  std::string name;
  for (const char c : text.substr(0, text.rfind('.'))) {
    const auto u = static_cast<unsigned char>(c);
    if (name.size() == kMaxName) break;
    name += std::isalnum(u) || c == '_' ? c : '_';
  }
  return name.empty() ? "unknown" : name;
}

std::optional<FinishedStep> TrainingLoop::mark(training_action action, std::string_view text,
                                               bool sees_ends, uint64_t time_ns) {
  time_ns = std::max(time_ns, last_mark_ns_);  // records of one thread are in order; others' may lie
  last_mark_ns_ = time_ns;
  switch (action) {
    case TRAINING_DATA_BEGIN: data_asked(sees_ends, time_ns); break;
    case TRAINING_DATA_END: data_given(time_ns); break;
    case TRAINING_BACKWARD: backward(time_ns); break;
    case TRAINING_STEP_BEGIN:
      step_begins(text, time_ns);
      if (!sees_ends) return step_ends(time_ns);
      break;
    case TRAINING_STEP_END: return step_ends(time_ns);
    default: break;
  }
  return std::nullopt;
}

void TrainingLoop::leave_backward(uint64_t time_ns) {
  if (doing_ == Doing::kBackward) figures_.times.backward_ns += time_ns - since_ns_;
}

void TrainingLoop::data_asked(bool sees_ends, uint64_t time_ns) {
  ++figures_.loader_calls;
  follows_step_ = false;
  leave_backward(time_ns);
  if (!sees_ends) figures_.times_known = false;
  if (!in_iteration_) {  // what was waited for before led to no backward pass
    candidate_ns_ = time_ns;
    waited_ns_ = 0;
  }
  doing_ = sees_ends ? Doing::kDataWait : Doing::kOther;
  since_ns_ = time_ns;
}

void TrainingLoop::data_given(uint64_t time_ns) {
  if (doing_ != Doing::kDataWait) return;
  waited_ns_ += time_ns - since_ns_;
  doing_ = Doing::kForward;
  since_ns_ = time_ns;
}

// May stand at the beginning of an iteration, before its backward pass, or behind the step.
void TrainingLoop::gradients_cleared(uint64_t time_ns) {
  time_ns = std::max(time_ns, last_mark_ns_);
  last_mark_ns_ = time_ns;
  follows_step_ = false;
  leave_backward(time_ns);
  if (doing_ == Doing::kBackward) doing_ = Doing::kOther;
  if (candidate_ns_ == 0 && last_step_ns_ == 0 && !in_iteration_) candidate_ns_ = time_ns;
}

void TrainingLoop::begin_iteration(uint64_t time_ns) {
  if (in_iteration_) return;
  record_step_time();
  in_iteration_ = true;
  if (candidate_ns_ != 0)
    iteration_ns_ = candidate_ns_;
  else if (last_step_ns_ != 0)
    iteration_ns_ = last_step_ns_;
  else
    iteration_ns_.reset();
  if (begin_ns_ == 0) begin_ns_ = iteration_ns_.value_or(time_ns);
}

void TrainingLoop::backward(uint64_t time_ns) {
  ++figures_.backward_passes;
  follows_step_ = false;
  leave_backward(time_ns);
  begin_iteration(time_ns);
  figures_.times.data_wait_ns += std::exchange(waited_ns_, 0);
  if (doing_ == Doing::kForward) figures_.times.forward_ns += time_ns - since_ns_;
  if (open_steps_ > 0) {
    has_closure_ = true;
  } else {
    doing_ = Doing::kBackward;
    since_ns_ = time_ns;
  }
  end_ns_ = time_ns;
}

void TrainingLoop::step_begins(std::string_view text, uint64_t time_ns) {
  if (open_steps_++ > 0) return;
  leave_backward(time_ns);
  if (!follows_step_) begin_iteration(time_ns);
  optimizer_ = optimizer_name(text);
  doing_ = Doing::kOptimizer;
  since_ns_ = time_ns;
}

std::optional<FinishedStep> TrainingLoop::step_ends(uint64_t time_ns) {
  if (open_steps_ == 0 || --open_steps_ > 0) return std::nullopt;
  const bool had_closure = std::exchange(has_closure_, false);
  if (doing_ == Doing::kOptimizer)
    (had_closure ? figures_.times.closure_ns : figures_.times.optimizer_ns) += time_ns - since_ns_;
  doing_ = Doing::kOther;
  FinishedStep step{++figures_.steps, std::move(optimizer_), iteration_ns_, time_ns};
  const bool has_room =
      figures_.optimizers.size() < kMaxOptimizers || figures_.optimizers.contains(step.optimizer);
  if (!has_room) step.optimizer = "other";
  ++figures_.optimizers[step.optimizer];
  if (step.begin_ns) newest_begin_ns_ = step.begin_ns;
  in_iteration_ = false;
  iteration_ns_.reset();
  candidate_ns_ = 0;
  last_step_ns_ = end_ns_ = time_ns;
  follows_step_ = true;
  return step;
}

void TrainingLoop::record_step_time() {
  if (!newest_begin_ns_) return;
  const uint64_t duration_ns = last_step_ns_ - *newest_begin_ns_;
  step_times_.add(duration_ns);
  longest_step_ns_ = std::max(longest_step_ns_, duration_ns);
  newest_begin_ns_.reset();
}

LoopFigures TrainingLoop::figures() {
  record_step_time();
  LoopFigures out = figures_;
  if (step_times_.count() > 0) {
    out.step_p50_ns = step_times_.quantile_ns(0.50);
    out.step_p95_ns = step_times_.quantile_ns(0.95);
  }
  return out;
}

}  // namespace tacit::gpu
