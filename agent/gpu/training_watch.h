// SPDX-License-Identifier: Apache-2.0
// The training runs of all observed processes. A run is one thread's loop of optimizer steps with what
// came before and after it: data files, checkpoints. It is over when its thread or process is, or
// when nothing was heard of it for long; its phases are told then, in order of their begin. Bounded in
// every respect; what is beyond a bound is counted. Loop thread.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/event/event.h"
#include "agent/gpu/training_loop.h"
#include "agent/gpu/training_phase.h"
#include "agent/gpu/training_phases.h"

namespace tacit::gpu {

// What becomes of a run. Calls come during the calls to TrainingWatch.
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;
  // The first that is seen of run `id`, before it is known to be one. What a process did without ever
  // coming to a run is told as a run of its main thread when it ends.
  virtual void run_began(uint64_t id, const TrainingActor& actor, uint64_t time_ns) = 0;
  // Whether `actor`, who begins an iteration, still does so for whom the run began.
  virtual bool continues(uint64_t id, const TrainingActor& actor) = 0;
  virtual void step_ended(uint64_t id, uint32_t pid, const FinishedStep& step,
                          const TrainingLoop& loop) = 0;
  // A checkpoint was written (save) or read.
  virtual void checkpoint(uint32_t pid, bool save) = 0;
  // Over; phases empty: it turned out to be no training.
  virtual void run_ended(uint64_t id, uint32_t pid, const TrainingLoop& loop,
                         std::vector<TrainingPhase> phases) = 0;
};

class TrainingWatch {
 public:
  // `step_spans`: every how many steps one is shown; 0: none. `observer` outlives this.
  TrainingWatch(uint32_t step_spans, TrainingObserver& observer)
      : step_spans_(step_spans), observer_(observer) {}

  void on(const event::Training& event);
  void on(const event::File& event);
  void thread_ended(uint32_t pid, uint32_t tid);
  // `failed`: it ended by a signal or with another exit code than 0.
  void process_ended(uint32_t pid, uint64_t time_ns, bool failed);
  // Ends runs that went silent.
  void expire(uint64_t now_ns);
  void finish(uint64_t now_ns);

  uint64_t refused() const { return refused_; }  // runs and processes beyond the bounds
  size_t runs() const { return run_count_; }

  static constexpr size_t kMaxProcesses = 4096;
  static constexpr size_t kMaxRunsOfProcess = 64;
  static constexpr size_t kMaxFiles = 32;       // named of one phase
  static constexpr size_t kMaxOpenFiles = 256;  // of one process
  static constexpr uint64_t kSilenceNs = 60'000'000'000;
  static constexpr uint64_t kSilentSteps = 20;  // and this many times the longest step

 private:
  struct Run {
    uint64_t id = 0;
    uint32_t tid = 0;
    uint64_t last_event_ns = 0;  // a mark, or a checkpoint's
    TrainingLoop loop;
    Preparation before;
    std::deque<Archive> saves;
    std::vector<TrainingPhase> steps;  // those that are shown
  };
  struct Process {
    Preparation preparation;
    std::map<int, std::string> open_files;
    std::vector<Run> runs;
  };

  Process* process(uint32_t pid, uint64_t time_ns, uint64_t code_ns);
  Run* run_of(Process& process, const event::Training& event);
  void on_mark(Process& process, const event::Training& event);
  void leave_run_of_another(Process& process, const event::Training& event);
  void on_save(Process& process, const event::Training& event);
  void on_load(Process& process, const event::Training& event);
  void end_run(uint32_t pid, Process& process, size_t index, uint64_t time_ns, bool failed);
  void end_preparation(uint32_t pid, Process& process, uint64_t time_ns, bool failed);

  const uint32_t step_spans_;
  TrainingObserver& observer_;
  std::unordered_map<uint32_t, Process> processes_;
  uint64_t next_id_ = 1;
  size_t run_count_ = 0;
  uint64_t refused_ = 0;
};

// Whether a path is that of data: not the system's, not Python's own packages.
bool is_data_file(std::string_view path);

}  // namespace tacit::gpu
