// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/training_phases.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "agent/base/valid_text.h"

namespace tacit::gpu {
namespace {

TrainingPhase phase(const Outline& outline, PhaseKind kind, PhaseSource source, uint64_t begin_ns,
                    uint64_t end_ns) {
  TrainingPhase made;
  made.kind = kind;
  made.source = source;
  made.begin_ns = begin_ns;
  made.end_ns = std::max(begin_ns, end_ns);
  made.tid = outline.tid;
  return made;
}

bool is_archive(const std::string& file, const std::deque<Archive>& loads, uint64_t first_open_ns) {
  return std::any_of(loads.begin(), loads.end(), [&](const Archive& load) {
    return load.file == file && load.begin_ns >= first_open_ns;
  });
}

// PyTorch may be given an open file, whose name its reader does not know; the names of checkpoints tell
// them from data.
bool looks_like_checkpoint(const std::string& file) {
  for (const char* ending : {".pt", ".pth", ".ckpt", ".safetensors"})
    if (file.ends_with(ending)) return true;
  return false;
}

struct Gap {
  uint64_t begin_ns = 0;
  uint64_t end_ns = 0;
  uint64_t length() const { return end_ns > begin_ns ? end_ns - begin_ns : 0; }
};

// Before the loop: data from the first data file's open to the last one's close, the model in what is
// left, which must be more than moments to be told.
class BeforeLoop {
 public:
  BeforeLoop(const Outline& outline, const Preparation& before, uint64_t until_ns)
      : outline_(outline), before_(before), until_ns_(std::max(until_ns, before.begin_ns)) {
    for (const auto& file : before.files)
      if (!looks_like_checkpoint(file) && !is_archive(file, before.loads, before.first_open_ns))
        data_.push_back(file);
      else
        models_.push_back(file);
  }

  void add_to(std::vector<TrainingPhase>& phases, std::optional<FileFailure> failure) {
    auto data = data_phase(failure);
    auto model = model_phase(data ? std::optional(Gap{data->begin_ns, data->end_ns}) : std::nullopt);
    if (data && model && model->begin_ns < data->begin_ns) std::swap(data, model);
    if (data) phases.push_back(std::move(*data));
    if (model) phases.push_back(std::move(*model));
  }

 private:
  std::optional<TrainingPhase> data_phase(const std::optional<FileFailure>& failure) const {
    const bool has_data = !data_.empty();
    if (!has_data && !failure) return std::nullopt;
    // Where the only file was not there, its open is all of the phase that is known.
    const uint64_t begin = has_data               ? before_.first_open_ns
                           : before_.begin_ns != 0 ? before_.begin_ns
                                                   : before_.last_failure_ns;
    const bool closed = before_.last_close_ns > begin && before_.last_close_ns <= until_ns_;
    const uint64_t end = failure ? outline_.end_ns : closed ? before_.last_close_ns : until_ns_;
    auto made = phase(outline_, PhaseKind::kLoadData, PhaseSource::kFileReads, begin, end);
    made.files = data_;
    made.file_count = before_.file_count - models_.size();
    made.failure = failure;
    return made;
  }

  std::optional<TrainingPhase> model_phase(const std::optional<Gap>& data) const {
    if (!before_.loads.empty()) {
      uint64_t begin = before_.loads.front().begin_ns, end = begin;
      for (const auto& load : before_.loads) end = std::max({end, load.end_ns, load.begin_ns});
      auto made =
          phase(outline_, PhaseKind::kInitModel, PhaseSource::kCheckpointRead, begin, end);
      for (const auto& load : before_.loads)
        if (!load.file.empty()) made.files.push_back(load.file);
      if (made.files.empty()) made.files = models_;
      made.file_count = std::max<uint64_t>(before_.loads.size(), made.files.size());
      return made;
    }
    if (before_.begin_ns == 0) return std::nullopt;
    if (outline_.failed && until_ns_ == outline_.end_ns) return std::nullopt;  // nobody knows what it was
    Gap gap{before_.begin_ns, until_ns_};
    if (data) {
      const Gap first{before_.begin_ns, data->begin_ns}, second{data->end_ns, until_ns_};
      gap = first.length() > second.length() ? first : second;
    }
    constexpr uint64_t kMomentNs = 1'000'000;
    if (gap.length() < kMomentNs) return std::nullopt;
    return phase(outline_, PhaseKind::kInitModel, PhaseSource::kBetween, gap.begin_ns, gap.end_ns);
  }

  const Outline& outline_;
  const Preparation& before_;
  const uint64_t until_ns_;
  std::vector<std::string> data_;
  std::vector<std::string> models_;
};

void add_saves(std::vector<TrainingPhase>& phases, const Outline& outline, const TrainingLoop& loop,
               const std::deque<Archive>& saves) {
  for (const auto& save : saves) {
    const uint64_t end = save.end_ns != 0     ? save.end_ns
                         : save.later_ns != 0 ? save.later_ns
                                              : outline.end_ns;
    auto made =
        phase(outline, PhaseKind::kSaveModel, PhaseSource::kCheckpointWrite, save.begin_ns, end);
    made.complete = save.end_ns != 0;
    made.in_loop =
        loop.trains() && save.begin_ns >= loop.begin_ns() && end <= loop.end_ns();
    if (!save.file.empty()) made.files.push_back(save.file);
    made.file_count = 1;
    phases.push_back(std::move(made));
  }
}

}  // namespace

void note_archive(std::deque<Archive>& archives, const event::Training& event) {
  const auto& raw = *event.raw;
  if (raw.action == TRAINING_SAVE_BEGIN || raw.action == TRAINING_LOAD_BEGIN) {
    note_later_mark(archives, raw.header.tid, raw.header.time_ns);
    if (archives.size() >= kMaxArchives) archives.pop_front();
    archives.push_back({.subject = raw.subject,
                        .begin_ns = raw.header.time_ns,
                        .tid = raw.header.tid,
                        .file = valid_utf8(event.text)});
    return;
  }
  for (auto archive = archives.rbegin(); archive != archives.rend(); ++archive) {
    if (archive->subject != raw.subject || archive->end_ns != 0) continue;
    archive->end_ns = std::max<uint64_t>(raw.header.time_ns, archive->begin_ns);
    return;
  }
}

void note_later_mark(std::deque<Archive>& archives, uint32_t tid, uint64_t time_ns) {
  for (auto archive = archives.rbegin(); archive != archives.rend(); ++archive) {
    if (archive->tid != tid) continue;
    if (archive->end_ns == 0 && archive->later_ns == 0)
      archive->later_ns = std::max(time_ns, archive->begin_ns);
    return;  // those before have ended, or this was noted of them
  }
}

TrainingPhase step_phase(const FinishedStep& step, uint32_t tid) {
  TrainingPhase made;
  made.kind = PhaseKind::kStep;
  made.source = PhaseSource::kRecordFunction;
  made.begin_ns = step.begin_ns.value_or(step.end_ns);
  made.end_ns = step.end_ns;
  made.tid = tid;
  made.in_loop = true;
  made.number = step.number;
  return made;
}

std::vector<TrainingPhase> phases_of(const Outline& outline, const Preparation& before,
                                     TrainingLoop& loop, const std::deque<Archive>& saves,
                                     std::vector<TrainingPhase> steps) {
  std::vector<TrainingPhase> phases;
  const bool trained = loop.trains();
  // Marks without a step or a backward pass are evaluation, which is no training run.
  const uint64_t until_ns = trained          ? loop.begin_ns()
                            : saves.empty() ? outline.end_ns
                                            : saves.front().begin_ns;
  const bool prepared = trained || !before.loads.empty() || outline.failure;
  if (prepared)
    BeforeLoop(outline, before, until_ns)
        .add_to(phases, trained ? std::nullopt : outline.failure);
  if (trained) {
    LoopFigures figures = loop.figures();
    auto made = phase(outline, PhaseKind::kTrainLoop,
                      figures.steps > 0 ? PhaseSource::kRecordFunction : PhaseSource::kBackward,
                      loop.begin_ns(), loop.end_ns());
    made.loop = std::move(figures);
    if (outline.failed) made.failure = outline.failure;
    phases.push_back(std::move(made));
  }
  add_saves(phases, outline, loop, saves);
  std::move(steps.begin(), steps.end(), std::back_inserter(phases));
  return phases;
}

}  // namespace tacit::gpu
