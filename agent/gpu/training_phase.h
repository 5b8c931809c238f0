// SPDX-License-Identifier: Apache-2.0
// A part of a training run that is over, with what is known of it. A value. Times: CLOCK_MONOTONIC.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tacit::gpu {

enum class PhaseKind : uint8_t { kLoadData, kInitModel, kTrainLoop, kSaveModel, kStep };

constexpr const char* name_of(PhaseKind kind) {
  switch (kind) {
    case PhaseKind::kLoadData: return "load_data";
    case PhaseKind::kInitModel: return "init_model";
    case PhaseKind::kTrainLoop: return "train_loop";
    case PhaseKind::kSaveModel: return "save_model";
    case PhaseKind::kStep: return "step";
  }
  return "phase";
}

// How a phase was found: `tacit.phase.source`.
enum class PhaseSource : uint8_t {
  kFileReads,        // data files were opened, until the last of them was closed
  kCheckpointRead,   // PyTorch read an archive
  kBetween,          // what lies between two other phases
  kRecordFunction,   // optimizer steps, by PyTorch's own ranges
  kBackward,         // backward passes alone: no step was seen
  kCheckpointWrite,  // PyTorch wrote an archive
};

constexpr const char* name_of(PhaseSource source) {
  switch (source) {
    case PhaseSource::kFileReads: return "file_reads";
    case PhaseSource::kCheckpointRead: return "checkpoint_read";
    case PhaseSource::kBetween: return "between";
    case PhaseSource::kRecordFunction: return "record_function";
    case PhaseSource::kBackward: return "backward";
    case PhaseSource::kCheckpointWrite: return "checkpoint_write";
  }
  return "unknown";
}

// Time of the loop's thread by what it did. What is not in one of them (evaluation, logging, saving) is
// the rest.
struct LoopTimes {
  uint64_t data_wait_ns = 0;
  uint64_t forward_ns = 0;   // from a batch to its backward pass
  uint64_t backward_ns = 0;  // and from there to what came next
  uint64_t optimizer_ns = 0;
  uint64_t closure_ns = 0;  // steps that were given a closure: forward, backward and update in one
};

struct LoopFigures {
  uint64_t steps = 0;
  std::map<std::string, uint64_t> optimizers;  // steps by the optimizer's class
  uint64_t backward_passes = 0;
  uint64_t loader_calls = 0;  // one a batch, and one more at the end of each epoch
  std::optional<uint64_t> step_p50_ns;
  std::optional<uint64_t> step_p95_ns;
  LoopTimes times;
  bool times_known = true;  // the ends of ranges were seen
};

// Who did something, as bpf/events/task.h has it.
struct TrainingActor {
  uint32_t pid = 0;
  uint32_t tid = 0;
  uint64_t task = 0;
  uint64_t turn = 0;
};

struct FileFailure {
  std::string path;
  int error_number = 0;
};

struct TrainingPhase {
  PhaseKind kind = PhaseKind::kTrainLoop;
  PhaseSource source = PhaseSource::kBetween;
  uint64_t begin_ns = 0;
  uint64_t end_ns = 0;
  uint32_t tid = 0;
  bool in_loop = false;    // a part of the train_loop of its run
  bool complete = true;    // false: its end was not seen
  uint64_t number = 0;     // kStep: which, from 1
  std::vector<std::string> files;  // the first few
  uint64_t file_count = 0;         // all
  std::optional<LoopFigures> loop;
  std::optional<FileFailure> failure;
};

}  // namespace tacit::gpu
