// SPDX-License-Identifier: Apache-2.0
// The path of every event, from the ring's record to metrics and spans. Joins the rooms and decides
// nothing itself. Loop thread, except figures() (any thread).
#pragma once
#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "agent/config/config.h"
#include "agent/discovery/process_table.h"
#include "agent/enrich/resource_catalog.h"
#include "agent/event/event.h"
#include "agent/gpu/kernels/kernel_tracer.h"
#include "agent/pipeline/gpu_failures.h"
#include "agent/metrics/metrics.h"
#include "agent/pipeline/agent_loop.h"
#include "agent/pipeline/connection_table.h"
#include "agent/pipeline/failed_connects.h"
#include "agent/pipeline/http_traces.h"
#include "agent/pipeline/inspections.h"
#include "agent/pipeline/programs.h"
#include "agent/pipeline/request_kernels.h"
#include "agent/pipeline/span_outlet.h"
#include "agent/pipeline/trace_carriers.h"
#include "agent/pipeline/training_traces.h"
#include "agent/probe/probe_control.h"
#include "agent/semantics/http_semantics.h"
#include "agent/telemetry/exporter.h"
#include "agent/trace/correlator.h"
#include "agent/trace/samplers.h"

namespace tacit::pipeline {

// What the pipeline counted. Losses by reason, so that they leave as metrics.
struct PipelineFigures {
  std::array<uint64_t, EVENT_TYPE_END> events{};  // by enum event_type
  uint64_t undecodable = 0;
  uint64_t failed_connects = 0;
  HttpTraces::Counters http;
  SpanCounters outlet;
  trace::Correlator::Counts parents{};  // settled places, by kind and by how the parent was found
  uint64_t held_spans = 0;              // now: their place in a trace is not settled yet
  uint64_t without_process = 0;  // failed connects and kernels whose process was never told of
  uint64_t refused_training_runs = 0;
  uint64_t refused_processes = 0;  // not taken because the process table was full
  uint64_t connections = 0;         // now
  uint64_t followed_processes = 0;  // now
  ConnectionCounters connection;
  protocol::http1::Counters http1;
};

class Pipeline final : public RecordHandler {
 public:
  // Everything must outlive it. Spans go to every exporter.
  struct Rooms {
    const config::Config& config;
    probe::ProbeControl& probes;
    discovery::ProcessTable& processes;
    enrich::ResourceCatalog& resources;
    semantics::HttpSemantics& semantics;
    trace::Correlator& correlator;
    const trace::Samplers& samplers;
    metrics::Metrics& metrics;
    gpu::TrainingMetrics& training;
    std::vector<telemetry::SpanExporter*> exporters;
    // Wall clock minus CLOCK_MONOTONIC where it shall not be asked for (replays).
    std::optional<int64_t> wall_offset_ns = std::nullopt;
    uint32_t command_pid = 0;  // of `tacit exec`
    gpu::KernelTracer* kernels = nullptr;  // null: blocks of kernel records are not looked at
  };
  explicit Pipeline(Rooms rooms);

  void on_record(std::span<const std::byte> record) override;
  void on_batch_begin(uint64_t now_ns) override;
  void on_batch_end(uint64_t now_ns) override;

  // The agent stops: open exchanges leave as unknown, held connects are reported, spans handed out.
  void finish(uint64_t now_ns);

  PipelineFigures figures() const;  // at most 200 ms old

 private:
  void handle(const event::ProcessFork& fork);
  void handle(const event::ProcessExec& exec);
  void handle(const event::ProcessExit& exit);
  void handle(const event::SocketOpen& open);
  void handle(const event::SocketClose& close);
  void handle(const event::SocketListen& listen);
  void handle(const event::ConnectFailed& failed);
  void handle(const event::Data& data);
  void handle(const event::ThreadStart& start);
  void handle(const event::ThreadEnd& end);
  void handle(const event::TaskStart& start);
  void handle(const event::TaskEnter& enter);
  void handle(const event::Work& work);
  void handle(const event::SocketClaim& claim);
  void handle(const event::ImageMapped& mapped);
  void handle(const event::TraceIds& ids);
  void handle(const event::Training& training);
  void handle(const event::File& file);
  void handle(const event::GpuBatch& batch);
  void handle(const event::CudaFailure& failure);

  void report_failed_connect(const FailedConnect& failed);
  void obey(const discovery::Verdict& verdict, uint32_t pid);
  void report_program(const EndedProgram& ended);
  trace::ProcessWork& work(uint32_t pid);
  void adapt_traits(uint32_t pid, runtime_kind runtime);
  void begin_program(uint32_t pid, uint64_t time_ns);
  void emit(telemetry::Span span, const trace::PlacePtr& place, uint32_t pid,
            const telemetry::ResourcePtr& resource, gpu::WindowId kernels = gpu::kNoWindow);
  EmitSpan emitter();
  void publish(uint64_t now_ns);

  Rooms rooms_;
  const bool tracing_;  // spans go somewhere
  bool knows_running_ = false;  // processes that were there before are looked into, and told of
  const protocol::http1::Options http_options_;
  ConnectionTable connections_;
  FailedConnects failed_connects_;
  SpanOutlet outlet_;
  Programs programs_;
  GpuFailures gpu_failures_;
  TrainingTraces training_;
  RequestKernels request_kernels_;
  Inspections inspections_;
  TraceCarriers carriers_;
  HttpTraces::Moment moment_;
  HttpTraces http_;
  uint64_t next_sweep_ns_ = 0;
  uint64_t sweeps_ = 0;
  uint64_t lost_events_ = 0;
  uint64_t lost_task_events_ = 0;
  uint64_t next_publish_ns_ = 0;
  bool processes_changed_ = true;
  PipelineFigures counted_;
  mutable std::mutex mutex_;
  PipelineFigures published_;  // under mutex_
};

}  // namespace tacit::pipeline
