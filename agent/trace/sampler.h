// SPDX-License-Identifier: Apache-2.0
// Which traces are kept: OpenTelemetry's built-in samplers under OTEL_TRACES_SAMPLER's names.
#pragma once
#include <cstdint>
#include <optional>

#include "agent/base/result.h"
#include "agent/config/config.h"
#include "agent/telemetry/span.h"

namespace tacit::trace {

// Stateless after construction.
class Sampler {
 public:
  // The rule in figures, for the kernel side, which decides alike.
  struct Rule {
    bool parent_based;
    bool always;
    uint64_t below;
  };
  Rule rule() const { return {parent_based_, always_, below_}; }

  // Errors: an unknown name, a ratio outside 0 to 1.
  static Result<Sampler> create(const config::SamplerConfig& config);

  // `parent_sampled`: the parent's flag, none for a root. traceidratio keeps a trace where the
  // last 8 bytes of its id, as a big-endian number, are below ratio * 2^64: the rule of
  // OpenTelemetry's Python and Go SDKs, so that both sides of a request decide alike.
  bool keep(const telemetry::TraceId& trace_id, std::optional<bool> parent_sampled) const {
    if (parent_based_ && parent_sampled) return *parent_sampled;
    return always_ || low_word(trace_id) < below_;
  }

 private:
  static uint64_t low_word(const telemetry::TraceId& trace_id) {
    uint64_t word = 0;
    for (size_t i = 8; i < 16; ++i) word = word << 8 | trace_id[i];
    return word;
  }

  bool parent_based_ = false;
  bool always_ = false;
  uint64_t below_ = 0;
};

}  // namespace tacit::trace
