// SPDX-License-Identifier: Apache-2.0
#include "agent/pipeline/training_traces.h"

#include <utility>

#include "agent/gpu/training_spans.h"

namespace tacit::pipeline {

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

void TrainingTraces::process_ended(uint32_t pid, uint64_t time_ns, uint32_t wait_status) {
  now_ns_ = time_ns;
  watch_.process_ended(pid, time_ns, wait_status != 0);
  rooms_.metrics.process_over(pid, time_ns);
}

void TrainingTraces::run_began(uint64_t id, const gpu::TrainingActor& actor, uint64_t time_ns) {
  if (!rooms_.emit) return;
  const discovery::Process* process = rooms_.processes.resolve(actor.pid);
  if (process == nullptr) return;
  begun_[id] = rooms_.correlator.part({actor.pid, actor.tid, actor.task, actor.turn},
                                      rooms_.samplers.of(process->image->service_name), time_ns);
}

void TrainingTraces::step_ended(uint64_t id, uint32_t pid, const gpu::FinishedStep& step,
                                const gpu::TrainingLoop& loop) {
  if (const auto resource = resource_of(pid))
    rooms_.metrics.step(id, pid, *resource, step, loop, wall_offset_ns_);
}

void TrainingTraces::checkpoint(uint32_t pid, bool save) {
  if (const auto resource = resource_of(pid)) rooms_.metrics.checkpoint(pid, *resource, save);
}

void TrainingTraces::run_ended(uint64_t id, uint32_t pid, const gpu::TrainingLoop& loop,
                               std::vector<gpu::TrainingPhase> phases) {
  const auto resource = resource_of(pid);
  if (resource && loop.trains()) rooms_.metrics.progress(id, pid, *resource, loop);
  rooms_.metrics.run_over(id);
  const auto begun = begun_.extract(id);
  if (begun.empty() || !resource) return;
  // Every place is made before the first of them can be settled, which lets go of its parent.
  trace::PlacePtr whole_loop;
  std::vector<trace::PlacePtr> places;
  for (const auto& phase : phases) {
    places.push_back(phase.in_loop && whole_loop ? rooms_.correlator.below(whole_loop)
                                                 : rooms_.correlator.beside(*begun.mapped()));
    rooms_.correlator.end_part(*places.back(), now_ns_);
    if (phase.kind == gpu::PhaseKind::kTrainLoop) whole_loop = places.back();
  }
  for (size_t i = 0; i < phases.size(); ++i)
    rooms_.emit(gpu::phase_span(phases[i], wall_offset_ns_), places[i], pid, resource);
}

}  // namespace tacit::pipeline
