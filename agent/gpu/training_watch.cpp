// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/training_watch.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "agent/base/valid_text.h"

namespace tacit::gpu {
namespace {

// A file that was not there explains a failure that came right after.
std::optional<FileFailure> reason(const Preparation& before, uint64_t end_ns) {
  constexpr uint64_t kRightAfterNs = 5'000'000'000;
  if (end_ns > before.last_failure_ns + kRightAfterNs) return std::nullopt;
  return before.last_failure;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

// Ends do not say who did it, so they begin nothing: a begin that was lost is a loss of both.
bool is_end(uint8_t action) {
  return action == TRAINING_STEP_END || action == TRAINING_DATA_END || action == TRAINING_SAVE_END ||
         action == TRAINING_LOAD_END;
}

}  // namespace

bool is_data_file(std::string_view path) {
  constexpr std::array<std::string_view, 9> kSystem = {"/proc/", "/sys/", "/dev/", "/etc/", "/usr/",
                                                       "/lib/", "/lib64/", "/run/", "/bin/"};
  for (const auto prefix : kSystem)
    if (path.starts_with(prefix)) return false;
  // A virtual environment may lie anywhere; so may caches of compiled code.
  return !path.ends_with(".so") && !contains(path, ".so.") && !contains(path, "/site-packages/") && !contains(path, "/dist-packages/") &&
         !contains(path, "/lib/python3") && !contains(path, "__pycache__") &&
         !contains(path, "torchinductor") && !path.ends_with("pyvenv.cfg");
}

TrainingWatch::Process* TrainingWatch::process(uint32_t pid, uint64_t time_ns, uint64_t code_ns) {
  if (const auto found = processes_.find(pid); found != processes_.end()) return &found->second;
  if (processes_.size() >= kMaxProcesses) {
    ++refused_;
    return nullptr;
  }
  Process& made = processes_[pid];
  made.preparation.begin_ns = code_ns != 0 ? code_ns : time_ns;
  return &made;
}

void TrainingWatch::on(const event::Training& event) {
  Process* known = process(event.raw->header.pid, event.raw->header.time_ns, event.raw->code_ns);
  if (known == nullptr) return;
  switch (event.raw->action) {
    case TRAINING_SAVE_BEGIN:
    case TRAINING_SAVE_END:
      return on_save(*known, event);
    case TRAINING_LOAD_BEGIN:
    case TRAINING_LOAD_END:
      return on_load(*known, event);
    default:
      return on_mark(*known, event);
  }
}

// A run begins with its first mark and takes over what the process prepared.
TrainingWatch::Run* TrainingWatch::run_of(Process& process, const event::Training& event) {
  const auto& raw = *event.raw;
  for (Run& run : process.runs)
    if (run.tid == raw.header.tid) {
      run.last_event_ns = raw.header.time_ns;
      return &run;
    }
  if (is_end(raw.action)) return nullptr;
  if (process.runs.size() >= kMaxRunsOfProcess) {
    ++refused_;
    return nullptr;
  }
  Run& made = process.runs.emplace_back();
  made.id = next_id_++;
  made.tid = raw.header.tid;
  made.last_event_ns = raw.header.time_ns;
  made.before = std::exchange(process.preparation, {});
  if (made.tid != raw.header.pid) made.before.begin_ns = 0;  // nor what its thread did before
  // Where no data was read, importing went on until the run began.
  else if (made.before.first_open_ns == 0 && made.before.begin_ns != 0)
    made.before.begin_ns = std::max<uint64_t>(made.before.begin_ns, raw.code_ns);
  ++run_count_;
  observer_.run_began(made.id, {raw.header.pid, raw.header.tid, raw.by.task, raw.by.turn},
                      raw.cleared_ns != 0 ? raw.cleared_ns : raw.header.time_ns);
  return &made;
}

// A pool's thread trains for one request after the other: each is a run of its own.
void TrainingWatch::leave_run_of_another(Process& process, const event::Training& event) {
  const auto& raw = *event.raw;
  for (size_t i = 0; i < process.runs.size(); ++i) {
    const Run& run = process.runs[i];
    if (run.tid != raw.header.tid) continue;
    if (!run.loop.is_between_iterations() || run.loop.last_mark_ns() == 0) return;
    if (observer_.continues(run.id, {raw.header.pid, raw.header.tid, raw.by.task, raw.by.turn}))
      return;
    return end_run(raw.header.pid, process, i, run.loop.last_mark_ns(), false);
  }
}

void TrainingWatch::on_mark(Process& process, const event::Training& event) {
  const auto& raw = *event.raw;
  const auto action = static_cast<training_action>(raw.action);
  if (!is_end(raw.action)) leave_run_of_another(process, event);
  Run* run = run_of(process, event);
  if (run == nullptr) return;
  note_later_mark(run->saves, raw.header.tid, raw.header.time_ns);
  if (raw.cleared_ns != 0) run->loop.gradients_cleared(raw.cleared_ns);
  const auto step = run->loop.mark(action, event.text, raw.sees_ends != 0, raw.header.time_ns);
  if (!step) return;
  observer_.step_ended(run->id, raw.header.pid, *step, run->loop);
  if (step_spans_ == 0 || step->number % step_spans_ != 0 || !step->begin_ns) return;
  if (run->steps.size() >= kMaxStepSpans) run->steps.erase(run->steps.begin());
  run->steps.push_back(step_phase(*step, run->tid));
}

// Of the run of its thread; a save by another thread is the only run's, if there is one.
void TrainingWatch::on_save(Process& process, const event::Training& event) {
  const auto& raw = *event.raw;
  Run* run = nullptr;
  for (Run& each : process.runs)
    if (each.tid == raw.header.tid) run = &each;
  if (run == nullptr && process.runs.size() == 1) run = &process.runs.front();
  if (raw.action == TRAINING_SAVE_END) observer_.checkpoint(raw.header.pid, true);
  if (run == nullptr) run = run_of(process, event);  // a model that was trained elsewhere
  if (run == nullptr) return;
  run->last_event_ns = raw.header.time_ns;
  note_archive(run->saves, event);
}

void TrainingWatch::on_load(Process& process, const event::Training& event) {
  if (event.raw->action == TRAINING_LOAD_END) observer_.checkpoint(event.raw->header.pid, false);
  note_archive(process.preparation.loads, event);
}

void TrainingWatch::on(const event::File& event) {
  const auto& raw = *event.raw;
  const bool is_open = !event.path.empty();
  if (is_open && !is_data_file(event.path)) return;
  Process* known = process(raw.header.pid, raw.header.time_ns, raw.code_ns);
  if (known == nullptr) return;
  Preparation& before = known->preparation;
  if (!is_open) {
    const auto found = known->open_files.find(raw.descriptor);
    if (found == known->open_files.end()) return;
    before.last_close_ns = raw.header.time_ns;
    known->open_files.erase(found);
    return;
  }
  std::string path = valid_utf8(event.path);
  if (raw.descriptor < 0) {
    before.last_failure = FileFailure{std::move(path), -raw.descriptor};
    before.last_failure_ns = raw.header.time_ns;
    return;
  }
  before.last_failure.reset();
  if (raw.access != 0) return;  // written: not data that is loaded
  if (before.first_open_ns == 0) {
    before.first_open_ns = raw.header.time_ns;
    if (before.begin_ns != 0)
      before.begin_ns = std::max<uint64_t>(before.begin_ns, raw.code_ns);
  }
  ++before.file_count;
  if (before.files.size() < kMaxFiles) before.files.push_back(path);
  if (known->open_files.size() < kMaxOpenFiles)
    known->open_files.insert_or_assign(raw.descriptor, std::move(path));
}

void TrainingWatch::end_run(uint32_t pid, Process& process, size_t index, uint64_t time_ns,
                            bool failed) {
  Run run = std::move(process.runs[index]);
  process.runs.erase(process.runs.begin() + static_cast<ptrdiff_t>(index));
  --run_count_;
  Outline outline{.tid = run.tid,
                  .end_ns = time_ns,
                  .failed = failed,
                  .failure = failed ? reason(process.preparation, time_ns) : std::nullopt};
  auto phases = phases_of(outline, run.before, run.loop, run.saves, std::move(run.steps));
  observer_.run_ended(run.id, pid, run.loop, std::move(phases));
  // What lies between two runs may be anything.
  process.preparation.begin_ns = 0;
}

// A process that ends without having trained: what it loaded, and what it did not find.
void TrainingWatch::end_preparation(uint32_t pid, Process& process, uint64_t time_ns, bool failed) {
  TrainingLoop none;
  Outline outline{.tid = pid,
                  .end_ns = time_ns,
                  .failed = failed,
                  .failure = failed ? reason(process.preparation, time_ns) : std::nullopt};
  auto phases = phases_of(outline, process.preparation, none, {}, {});
  if (phases.empty()) return;
  const uint64_t id = next_id_++;
  observer_.run_began(id, {.pid = pid, .tid = pid}, phases.front().begin_ns);
  observer_.run_ended(id, pid, none, std::move(phases));
}

void TrainingWatch::thread_ended(uint32_t pid, uint32_t tid) {
  const auto found = processes_.find(pid);
  if (found == processes_.end()) return;
  auto& runs = found->second.runs;
  for (size_t i = 0; i < runs.size(); ++i)
    if (runs[i].tid == tid) return end_run(pid, found->second, i, runs[i].loop.last_mark_ns(), false);
}

void TrainingWatch::process_ended(uint32_t pid, uint64_t time_ns, bool failed) {
  const auto found = processes_.find(pid);
  if (found == processes_.end()) return;
  Process& process = found->second;
  const bool trained = !process.runs.empty();
  while (!process.runs.empty()) end_run(pid, process, 0, time_ns, failed);
  if (!trained) end_preparation(pid, process, time_ns, failed);
  processes_.erase(found);
}

void TrainingWatch::expire(uint64_t now_ns) {
  for (auto& [pid, process] : processes_)
    for (size_t i = 0; i < process.runs.size();) {
      const TrainingLoop& loop = process.runs[i].loop;
      const uint64_t patience_ns = std::max(kSilenceNs, kSilentSteps * loop.longest_step_ns());
      if (now_ns > process.runs[i].last_event_ns + patience_ns)
        end_run(pid, process, i, process.runs[i].last_event_ns, false);
      else
        ++i;
    }
}

void TrainingWatch::finish(uint64_t now_ns) {
  for (auto& [pid, process] : processes_)
    while (!process.runs.empty()) end_run(pid, process, 0, now_ns, false);
  processes_.clear();
}

}  // namespace tacit::gpu
