// SPDX-License-Identifier: Apache-2.0
// From what was seen around a training loop to the phases of its run. Pure. Loop thread.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "agent/event/event.h"
#include "agent/gpu/training_loop.h"
#include "agent/gpu/training_phase.h"

namespace tacit::gpu {

// A checkpoint, read or written.
struct Archive {
  uint64_t subject = 0;  // address of PyTorch's object
  uint64_t begin_ns = 0;
  uint64_t end_ns = 0;  // 0: not seen
  uint32_t tid = 0;
  uint64_t later_ns = 0;  // of one whose end was not seen: it was over by then; 0: not known
  std::string file;
};
inline constexpr size_t kMaxArchives = 64;    // told of one run; the newest
inline constexpr size_t kMaxStepSpans = 1024;  // shown of one run; the newest

// TRAINING_SAVE_* and TRAINING_LOAD_*.
void note_archive(std::deque<Archive>& archives, const event::Training& event);

// The thread did something else: what it was writing is written, or was given up.
void note_later_mark(std::deque<Archive>& archives, uint32_t tid, uint64_t time_ns);

// What a process did before a run.
struct Preparation {
  uint64_t begin_ns = 0;       // importing ended; 0: not known
  uint64_t first_open_ns = 0;  // of data files; 0: none
  uint64_t last_close_ns = 0;
  std::vector<std::string> files;  // the first few
  uint64_t file_count = 0;
  std::deque<Archive> loads;
  std::optional<FileFailure> last_failure;  // the newest open, if it failed
  uint64_t last_failure_ns = 0;
};

struct Outline {
  uint32_t tid = 0;
  uint64_t end_ns = 0;
  bool failed = false;  // the process ended in failure
  std::optional<FileFailure> failure = std::nullopt;
};

// In order of their begin; a train_loop comes before what is inside it.
std::vector<TrainingPhase> phases_of(const Outline& outline, const Preparation& before,
                                     TrainingLoop& loop, const std::deque<Archive>& saves,
                                     std::vector<TrainingPhase> steps);

TrainingPhase step_phase(const FinishedStep& step, uint32_t tid);

}  // namespace tacit::gpu
