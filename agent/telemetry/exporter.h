// SPDX-License-Identifier: Apache-2.0
// Where finished telemetry goes. The pipeline holds these; only main.cpp knows the concrete ones.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/telemetry/span.h"

namespace tacit::telemetry {

// Plain figures of one destination, read by the self metrics. Counted since start.
struct ExporterStats {
  std::string destination;       // "console", "otlp-spans", …: the label value
  uint64_t exported = 0;         // items the destination took
  uint64_t failed = 0;           // items given up after a permanent error or the last retry
  uint64_t dropped = 0;          // items that found the queue full
  uint64_t retries = 0;          // attempts after the first
  uint64_t queue_items = 0;      // waiting now
  uint64_t queue_capacity = 0;
};

class SpanExporter {
 public:
  virtual ~SpanExporter() = default;
  // Takes finished spans. Never blocks on a destination and never throws: what finds no room is
  // counted in stats().dropped. Loop thread.
  virtual void export_spans(std::vector<Span> spans) = 0;
  // Sends what is queued, for at most `deadline`, and stops. What is left is counted as failed.
  virtual void shutdown(std::chrono::milliseconds deadline) = 0;
  virtual ExporterStats stats() const = 0;  // any thread
};

}  // namespace tacit::telemetry
