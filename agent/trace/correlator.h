// SPDX-License-Identifier: Apache-2.0
// Gives an exchange its place in a trace. Decided before a span is built: what is not kept costs
// no span. Loop thread.
#pragma once
#include "agent/protocol/exchange.h"
#include "agent/telemetry/span.h"
#include "agent/trace/id_generator.h"
#include "agent/trace/sampler.h"

namespace tacit::trace {

struct SpanIds {
  telemetry::TraceId trace_id{};
  telemetry::SpanId span_id{};
  telemetry::SpanId parent_span_id{};  // all zero: a root
  uint8_t trace_flags = 1;
  bool parent_is_remote = false;
  bool from_traceparent = false;
};

class Correlator {
 public:
  Correlator(const Sampler& sampler, IdGenerator ids) : sampler_(sampler), ids_(ids) {}

  // The ids of this exchange's span, and whether the span is wanted. No allocation. README.md of
  // this room has the rules for the parent.
  bool keep(const protocol::HttpExchange& exchange, SpanIds& out);
  // The same for a span that has no request: a failed connect. Always a root.
  bool keep_root(SpanIds& out);

  // Writes them into the span, with tracestate and `tacit.parent.source`.
  static void apply(const SpanIds& ids, const protocol::HttpExchange& exchange,
                    telemetry::Span& span);
  static void apply(const SpanIds& ids, telemetry::Span& span);

  // keep and apply in one: true where the span is wanted.
  bool assign(telemetry::Span& span, const protocol::HttpExchange& exchange);

 private:
  Sampler sampler_;
  IdGenerator ids_;
};

}  // namespace tacit::trace
