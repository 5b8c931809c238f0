// SPDX-License-Identifier: Apache-2.0
// What a destination has to be able to do. The queue, the retries and the counting around it are
// the same for all of them (export_queue.h, delivery.h). Everything here runs on the export thread.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/telemetry/span.h"
#include "exporters/stop_signal.h"

namespace tacit::exporters {

// One request's worth, encoded once and sent as often as it takes.
struct Payload {
  std::string body;
  uint64_t items = 0;  // spans, or data points
};

// What one try to send came to.
struct Attempt {
  enum class Outcome {
    kDone,       // taken, less `failed` items
    kRetry,      // a passing error: worth another try
    kPermanent,  // will never be taken
  };
  Outcome outcome = Outcome::kDone;
  uint64_t failed = 0;                                   // kDone: items that were refused
  std::optional<std::chrono::milliseconds> retry_after;  // kRetry: the destination asked for it
  std::string message;  // what, why and what to do; already escaped; empty when all is well
};

class Sink {
 public:
  virtual ~Sink() = default;
  // Returns by the stop signal's deadline once there is one. Never throws.
  virtual Attempt send(const Payload& payload, const StopSignal& stop) = 0;
};

class SpanSink : public Sink {
 public:
  // The payloads' items add up to spans.size().
  virtual std::vector<Payload> encode(std::vector<telemetry::Span> spans) = 0;
};

}  // namespace tacit::exporters
