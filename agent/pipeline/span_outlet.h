// SPDX-License-Identifier: Apache-2.0
// Finished spans on their way out. One whose place in a trace is not settled waits here; the others
// go to every exporter, batch by batch. Loop thread.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "agent/telemetry/exporter.h"
#include "agent/trace/correlator.h"

namespace tacit::pipeline {

struct SpanCounters {
  uint64_t sampled_out = 0;
  uint64_t left_to_sdk = 0;  // spans of processes that an SDK instruments from inside
  uint64_t unsettled = 0;    // left without waiting longer: too many waited, or the agent stopped
};

class SpanOutlet {
 public:
  // Both must outlive it; at least one exporter where spans are added.
  SpanOutlet(trace::Correlator& correlator, std::vector<telemetry::SpanExporter*> exporters);

  // True: the span will not be wanted, so it need not be made. Counts it.
  bool is_unwanted(trace::Place& place, uint64_t now_ns);
  // Adds what a span still lacks; true: it lacks nothing more, and is not called again. With `force`
  // always true.
  using Complete = std::function<bool(telemetry::Span&, uint64_t now_ns, bool force)>;
  // Takes a span that is complete but for its place, and for what `complete` adds where there is one.
  void add(telemetry::Span span, const trace::PlacePtr& place, uint64_t now_ns,
           Complete complete = {});
  // Hands out what is settled by now; with `force`, all.
  void settle(uint64_t now_ns, bool force);
  void hand_out();

  size_t waiting() const { return waiting_.size(); }
  const SpanCounters& counters() const { return counters_; }

 private:
  struct Waiting {
    telemetry::Span span;
    trace::PlacePtr place;
    Complete complete;  // empty: it is
  };
  bool is_ready(Waiting& each, uint64_t now_ns, bool force);
  void release(telemetry::Span span, const trace::Place& place);

  trace::Correlator& correlator_;
  std::vector<telemetry::SpanExporter*> exporters_;
  std::deque<Waiting> waiting_;          // oldest first
  std::vector<telemetry::Span> spans_;   // settled, of this batch
  SpanCounters counters_;
};

}  // namespace tacit::pipeline
