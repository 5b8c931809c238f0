// SPDX-License-Identifier: Apache-2.0
// Training runs on their way to traces and metrics: each phase gets its place below the program or the
// request that started the run. Loop thread.
#pragma once
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "agent/config/config.h"
#include "agent/discovery/process_table.h"
#include "agent/enrich/resource_catalog.h"
#include "agent/event/event.h"
#include "agent/gpu/kernels/kernel_tracer.h"
#include "agent/gpu/training_metrics.h"
#include "agent/gpu/training_watch.h"
#include "agent/pipeline/emit_span.h"
#include "agent/pipeline/gpu_failures.h"
#include "agent/probe/probe_control.h"
#include "agent/trace/correlator.h"
#include "agent/trace/samplers.h"

namespace tacit::pipeline {

class TrainingTraces final : public gpu::TrainingObserver {
 public:
  // All must outlive it. `kernels`: null where kernel records are not looked at.
  struct Rooms {
    discovery::ProcessTable& processes;
    enrich::ResourceCatalog& resources;
    trace::Correlator& correlator;
    const trace::Samplers& samplers;
    gpu::TrainingMetrics& metrics;
    const GpuFailures& failures;
    const probe::ProbeControl& probes;
    gpu::KernelTracer* kernels;
    EmitSpan emit;
  };
  TrainingTraces(Rooms rooms, uint32_t step_spans)
      : rooms_(std::move(rooms)), watch_(step_spans, *this) {}

  void on(const event::Training& event) { watch_.on(event); }
  void on(const event::File& event) { watch_.on(event); }
  void thread_ended(uint32_t pid, uint32_t tid) { watch_.thread_ended(pid, tid); }
  // PyTorch was there before its probes, which are in place now, `age_ns` after the process began.
  void probed_late(uint32_t pid, uint64_t age_ns);
  // Before the process is forgotten elsewhere. `wait_status`: none where it became another program.
  void process_ended(uint32_t pid, uint64_t time_ns, std::optional<uint32_t> wait_status);
  // Once a batch: `wall_offset_ns` is for what comes now.
  void tick(uint64_t now_ns, int64_t wall_offset_ns);
  void finish(uint64_t now_ns) { watch_.finish(now_ns); }
  uint64_t refused() const { return watch_.refused(); }

  void run_began(uint64_t id, const gpu::TrainingActor& actor, uint64_t time_ns) override;
  bool continues(uint64_t id, const gpu::TrainingActor& actor) override;
  void step_ended(uint64_t id, uint32_t pid, const gpu::FinishedStep& step,
                  const gpu::TrainingLoop& loop) override;
  void checkpoint(uint32_t pid, bool save) override;
  void run_ended(uint64_t id, uint32_t pid, const gpu::TrainingLoop& loop,
                 std::vector<gpu::TrainingPhase> phases) override;

 private:
  struct Begun {
    trace::PlacePtr place;  // all phases are beside it
    gpu::WindowId kernels = gpu::kNoWindow;
    bool has_driver = false;  // CUDA's driver was loaded when it began
  };
  telemetry::ResourcePtr resource_of(uint32_t pid);
  bool is_ending_in_failure() const { return wait_status_.value_or(0) != 0; }
  void keep_after_request(std::vector<gpu::TrainingPhase>& phases, const trace::Place& place) const;
  telemetry::Span root_span(const std::vector<gpu::TrainingPhase>& phases, uint32_t pid) const;
  void describe_device(telemetry::Span& span, uint32_t pid, const Begun& begun) const;

  Rooms rooms_;
  gpu::TrainingWatch watch_;
  std::unordered_map<uint64_t, Begun> begun_;  // by run
  std::unordered_map<uint32_t, uint64_t> unseen_ns_;  // by process: those of probed_late()
  std::optional<uint32_t> wait_status_;  // of the process that is ending now
  uint64_t now_ns_ = 0;
  int64_t wall_offset_ns_ = 0;
  uint64_t next_expiry_ns_ = 0;
};

}  // namespace tacit::pipeline
