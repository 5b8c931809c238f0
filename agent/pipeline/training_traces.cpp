// SPDX-License-Identifier: Apache-2.0
#include "agent/pipeline/training_traces.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/base/log.h"
#include "agent/gpu/training_spans.h"
#include "agent/pipeline/programs.h"
#include "agent/runtime/memory_map.h"
#include "agent/telemetry/attribute_number.h"

namespace tacit::pipeline {
namespace {

bool has_cuda_driver(uint32_t pid) {
  const auto images = runtime::mapped_images(pid);
  return std::any_of(images.begin(), images.end(), [](const auto& image) {
    return image.name.starts_with("libcuda.so");
  });
}

}  // namespace

telemetry::ResourcePtr TrainingTraces::resource_of(uint32_t pid) {
  const discovery::Process* process = rooms_.processes.resolve(pid);
  return process != nullptr ? rooms_.resources.resource_for(*process) : nullptr;
}

void TrainingTraces::tick(uint64_t now_ns, int64_t wall_offset_ns) {
  constexpr uint64_t kExpiryNs = 1'000'000'000;
  now_ns_ = now_ns;
  wall_offset_ns_ = wall_offset_ns;
  if (now_ns < next_expiry_ns_) return;
  next_expiry_ns_ = now_ns + kExpiryNs;
  watch_.expire(now_ns);
  rooms_.metrics.expire(now_ns);
}

void TrainingTraces::probed_late(uint32_t pid, uint64_t age_ns) {
  log::debug(fmt::format("process {}: the probes in PyTorch are in place {:.1f} ms after it began; what "
                         "it trained before is not counted", pid, static_cast<double>(age_ns) / 1e6));
  if (unseen_ns_.size() < gpu::TrainingWatch::kMaxProcesses) unseen_ns_[pid] = age_ns;
}

void TrainingTraces::process_ended(uint32_t pid, uint64_t time_ns,
                                   std::optional<uint32_t> wait_status) {
  now_ns_ = time_ns;
  wait_status_ = wait_status;
  watch_.process_ended(pid, time_ns, is_ending_in_failure());
  wait_status_.reset();
  rooms_.metrics.process_over(pid, time_ns);
  unseen_ns_.erase(pid);
}

void TrainingTraces::run_began(uint64_t id, const gpu::TrainingActor& actor, uint64_t time_ns) {
  if (!rooms_.emit) return;
  const discovery::Process* process = rooms_.processes.resolve(actor.pid);
  if (process == nullptr) return;
  Begun& begun = begun_[id];
  begun.place = rooms_.correlator.part({actor.pid, actor.tid, actor.task, actor.turn},
                                       rooms_.samplers.of(process->image->service_name), time_ns);
  begun.has_driver = has_cuda_driver(actor.pid);
  if (rooms_.kernels != nullptr)
    begun.kernels = rooms_.kernels->windows().open(
        {actor.pid, actor.tid, time_ns, gpu::WindowKind::kPhase});
}

bool TrainingTraces::continues(uint64_t id, const gpu::TrainingActor& actor) {
  const auto begun = begun_.find(id);
  if (begun == begun_.end()) return true;
  const auto found = rooms_.correlator.work(actor.pid).started_by(
      {actor.pid, actor.tid, actor.task, actor.turn});
  return !found.request || found.request == begun->second.place->parent;
}

// What was prepared before the request came was prepared for somebody else.
void TrainingTraces::keep_after_request(std::vector<gpu::TrainingPhase>& phases,
                                        const trace::Place& place) const {
  if (!place.parent || place.parent->kind != trace::Place::Kind::kServer) return;
  const uint64_t begin_ns = place.parent->begin_ns;
  std::erase_if(phases, [begin_ns](const gpu::TrainingPhase& phase) {
    return phase.kind != gpu::PhaseKind::kTrainLoop &&
           (phase.begin_ns < begin_ns || phase.source == gpu::PhaseSource::kBetween);
  });
}

// A run that nobody is known to have started is one trace all the same: its root.
telemetry::Span TrainingTraces::root_span(const std::vector<gpu::TrainingPhase>& phases,
                                          uint32_t pid) const {
  uint64_t begin_ns = phases.front().begin_ns, end_ns = begin_ns;
  for (const auto& phase : phases) {
    begin_ns = std::min(begin_ns, phase.begin_ns);
    end_ns = std::max(end_ns, phase.end_ns);
  }
  telemetry::Span span;
  span.name = "training";
  span.start_unix_ns = static_cast<uint64_t>(static_cast<int64_t>(begin_ns) + wall_offset_ns_);
  span.end_unix_ns = span.start_unix_ns + (end_ns - begin_ns);
  if (wait_status_) describe_exit(span, *wait_status_);
  rooms_.failures.describe(span, pid, begin_ns, is_ending_in_failure() ? now_ns_ : end_ns,
                           is_ending_in_failure(), wall_offset_ns_);
  return span;
}

void TrainingTraces::step_ended(uint64_t id, uint32_t pid, const gpu::FinishedStep& step,
                                const gpu::TrainingLoop& loop) {
  const auto resource = resource_of(pid);
  if (!resource) return;
  rooms_.metrics.step(id, pid, *resource, step, loop, wall_offset_ns_);
  if (const auto unseen = unseen_ns_.find(pid); unseen != unseen_ns_.end())
    rooms_.metrics.probed_late(pid, *resource, unseen->second);
}

void TrainingTraces::checkpoint(uint32_t pid, bool save) {
  if (const auto resource = resource_of(pid)) rooms_.metrics.checkpoint(pid, *resource, save);
}

void TrainingTraces::run_ended(uint64_t id, uint32_t pid, const gpu::TrainingLoop& loop,
                               std::vector<gpu::TrainingPhase> phases) {
  const auto resource = resource_of(pid);
  if (resource && loop.trains()) rooms_.metrics.progress(id, pid, *resource, loop);
  rooms_.metrics.run_over(id);
  auto found = begun_.extract(id);
  if (found.empty()) return;
  const Begun begun = std::move(found.mapped());
  if (begun.kernels != gpu::kNoWindow)
    rooms_.kernels->windows().close(begun.kernels, loop.trains() ? loop.end_ns() : now_ns_);
  if (!resource || !loop.trains()) {
    if (begun.kernels != gpu::kNoWindow) rooms_.kernels->windows().take(begun.kernels);
    if (!resource) return;
  }
  keep_after_request(phases, *begun.place);
  if (phases.empty()) return;
  // Every place is made before the first of them can be settled, which lets go of its parent.
  trace::PlacePtr root, whole_loop;
  if (!begun.place->parent) {
    root = rooms_.correlator.beside(*begun.place);
    rooms_.correlator.end_part(*root, now_ns_);
  }
  std::vector<trace::PlacePtr> places;
  for (const auto& phase : phases) {
    const bool in_loop = phase.in_loop && whole_loop;
    places.push_back(in_loop ? rooms_.correlator.below(whole_loop)
                     : root  ? rooms_.correlator.below(root)
                             : rooms_.correlator.beside(*begun.place));
    rooms_.correlator.end_part(*places.back(), now_ns_);
    if (phase.kind == gpu::PhaseKind::kTrainLoop) whole_loop = places.back();
  }
  if (root) rooms_.emit(root_span(phases, pid), root, pid, resource, gpu::kNoWindow);
  for (size_t i = 0; i < phases.size(); ++i) {
    const auto& phase = phases[i];
    auto span = gpu::phase_span(phase, wall_offset_ns_);
    const bool is_loop = phase.kind == gpu::PhaseKind::kTrainLoop;
    // What the process ended with is its loop's failure, though it may come after the last step.
    const uint64_t until_ns = is_loop && is_ending_in_failure() ? now_ns_ : phase.end_ns;
    rooms_.failures.describe(span, pid, phase.begin_ns, until_ns, is_loop && is_ending_in_failure(),
                             wall_offset_ns_);
    if (is_loop) describe_device(span, pid, begun);
    if (const auto unseen = unseen_ns_.find(pid); is_loop && unseen != unseen_ns_.end())
      span.attributes.push_back(
          {"tacit.training.unseen_ns", telemetry::attribute_number(unseen->second)});
    rooms_.emit(std::move(span), places[i], pid, resource,
                is_loop ? begun.kernels : gpu::kNoWindow);
  }
}

// Where it ran, as far as that was seen: launches, or no driver that could be launched with.
void TrainingTraces::describe_device(telemetry::Span& span, uint32_t pid,
                                     const Begun& begun) const {
  const auto counts = rooms_.probes.cuda_counts(pid);
  const bool launched =
      counts && counts->totals.launches + counts->totals.graph_launches > 0;
  if (launched || (rooms_.kernels != nullptr && rooms_.kernels->traces(pid)))
    span.attributes.push_back({"tacit.training.device", std::string("cuda")});
  else if (!begun.has_driver)
    span.attributes.push_back({"tacit.training.device", std::string("cpu")});
  if (!counts) return;
  if (const uint64_t peak = counts->totals.peak_bytes[CUDA_MEMORY_DEVICE]; peak > 0)
    span.attributes.push_back({"tacit.gpu.memory.peak_bytes", telemetry::attribute_number(peak)});
}

}  // namespace tacit::pipeline
