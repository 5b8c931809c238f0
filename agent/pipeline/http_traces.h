// SPDX-License-Identifier: Apache-2.0
// HTTP exchanges on their way to traces and metrics: each gets its place in a trace when its request has
// come, and its span and metrics when it is over. Loop thread.
#pragma once
#include <array>
#include <cstdint>

#include "agent/discovery/process_table.h"
#include "agent/enrich/resource_catalog.h"
#include "agent/metrics/metrics.h"
#include "agent/pipeline/connection_table.h"
#include "agent/pipeline/emit_span.h"
#include "agent/pipeline/gpu_failures.h"
#include "agent/pipeline/programs.h"
#include "agent/pipeline/request_kernels.h"
#include "agent/pipeline/span_outlet.h"
#include "agent/semantics/http_semantics.h"
#include "agent/trace/correlator.h"
#include "agent/trace/samplers.h"

namespace tacit::pipeline {

class HttpTraces final : public ExchangeObserver {
 public:
  struct Counters {
    uint64_t exchanges = 0;
    std::array<uint64_t, 4> spans{};  // by telemetry::SpanKind, before sampling
    uint64_t unplaced = 0;         // their side or process was not known when they began
    uint64_t without_process = 0;  // their process was never told of
  };
  // What time it is; kept by the caller.
  struct Moment {
    uint64_t now_ns = 0;          // of the newest record or batch
    int64_t wall_offset_ns = 0;   // wall clock minus CLOCK_MONOTONIC
    uint64_t last_loss_ns = 0;    // when records were last found to have been lost
  };
  // All must outlive it.
  struct Rooms {
    discovery::ProcessTable& processes;
    enrich::ResourceCatalog& resources;
    semantics::HttpSemantics& semantics;
    trace::Correlator& correlator;
    const trace::Samplers& samplers;
    metrics::Metrics& metrics;
    Programs& programs;
    const GpuFailures& failures;
    RequestKernels& kernels;
    SpanOutlet& outlet;
    const Moment& moment;
    EmitSpan emit;
  };
  explicit HttpTraces(Rooms rooms) : rooms_(std::move(rooms)) {}

  void on_request(TrackedConnection& connection, protocol::HttpExchange& exchange) override;
  void on_exchange(TrackedConnection& connection, protocol::HttpExchange& exchange) override;

  const Counters& counters() const { return counters_; }

 private:
  bool resolve(TrackedConnection& connection, uint32_t pid);
  void place_in_trace(TrackedConnection& connection, protocol::HttpExchange& exchange);
  void count_active(TrackedConnection& connection, const protocol::HttpExchange& exchange,
                    int change);
  void doubt_ending(protocol::HttpExchange& exchange) const;

  const Rooms rooms_;
  Counters counters_;
};

}  // namespace tacit::pipeline
