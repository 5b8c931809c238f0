// SPDX-License-Identifier: Apache-2.0
// One thread's training loop as its marks come in: steps, batches, backward passes, and where its time
// goes. Pure. Loop thread.
//
// A step's time runs from the request for its first batch (where a loader is seen; else from the end
// of the step before) to the end of Optimizer.step. Batches that no backward pass follows
// (evaluation) belong to no step. Optimizers that step one right after the other share one step time.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/gpu/step_times.h"
#include "agent/gpu/training_phase.h"
#include "bpf/events/training.h"

namespace tacit::gpu {

struct FinishedStep {
  uint64_t number = 0;                // from 1, all optimizers together
  std::string optimizer;
  // Not known of a first step that nothing preceded; none of an optimizer that steps right after
  // another.
  std::optional<uint64_t> begin_ns;
  uint64_t end_ns = 0;
};

class TrainingLoop {
 public:
  // TRAINING_STEP_*, _DATA_*, _BACKWARD of its thread, in order. `text` of a step: its optimizer, as it
  // came. Returns the step that this event ended.
  std::optional<FinishedStep> mark(training_action action, std::string_view text, bool sees_ends,
                                   uint64_t time_ns);
  // Optimizer.zero_grad was called, before the next mark.
  void gradients_cleared(uint64_t time_ns);

  // The next mark may begin an iteration.
  bool is_between_iterations() const { return !in_iteration_ && open_steps_ == 0; }
  bool trains() const { return figures_.steps > 0 || figures_.backward_passes > 0; }
  uint64_t begin_ns() const { return begin_ns_; }      // of the first iteration
  uint64_t end_ns() const { return end_ns_; }          // of the last step, or backward pass
  uint64_t last_mark_ns() const { return last_mark_ns_; }
  uint64_t longest_step_ns() const { return longest_step_ns_; }
  const LoopTimes& times() const { return figures_.times; }
  uint64_t backward_passes() const { return figures_.backward_passes; }
  uint64_t loader_calls() const { return figures_.loader_calls; }
  // The loop is over: what is known of it.
  LoopFigures figures();

  static constexpr size_t kMaxOptimizers = 16;  // names; what is beyond is called "other"

 private:
  enum class Doing { kOther, kDataWait, kForward, kBackward, kOptimizer };
  void data_asked(bool sees_ends, uint64_t time_ns);
  void data_given(uint64_t time_ns);
  void backward(uint64_t time_ns);
  void step_begins(std::string_view text, uint64_t time_ns);
  std::optional<FinishedStep> step_ends(uint64_t time_ns);
  void leave_backward(uint64_t time_ns);
  void begin_iteration(uint64_t time_ns);
  void record_step_time();

  Doing doing_ = Doing::kOther;
  uint64_t since_ns_ = 0;  // it does that
  uint64_t begin_ns_ = 0;
  uint64_t end_ns_ = 0;
  uint64_t last_mark_ns_ = 0;
  uint64_t last_step_ns_ = 0;      // its end; 0: none yet
  uint64_t candidate_ns_ = 0;      // where the iteration begins if a backward pass follows; 0: none
  std::optional<uint64_t> iteration_ns_;  // it began here
  bool in_iteration_ = false;
  bool follows_step_ = false;  // nothing happened since the step before
  // The newest step's time, not in step_times_ yet: another optimizer may still step.
  std::optional<uint64_t> newest_begin_ns_;
  bool has_closure_ = false;  // a backward pass was made inside the open step
  uint32_t open_steps_ = 0;  // an optimizer may step others: the outermost counts
  std::string optimizer_;
  uint64_t waited_ns_ = 0;  // for data, of the iteration that may begin
  uint64_t longest_step_ns_ = 0;
  StepTimes step_times_;
  LoopFigures figures_;
};

// "Adam" of "Adam.step", as far as it is a name.
std::string optimizer_name(std::string_view text);

}  // namespace tacit::gpu
