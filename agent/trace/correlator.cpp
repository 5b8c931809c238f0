// SPDX-License-Identifier: Apache-2.0
#include "agent/trace/correlator.h"

#include <string>

#include "agent/trace/trace_context.h"

namespace tacit::trace {
namespace {

constexpr uint8_t kSampledFlag = 1;

}  // namespace

bool Correlator::keep(const protocol::HttpExchange& exchange, SpanIds& out) {
  const auto context = exchange.traceparent.empty() ? std::nullopt
                                                    : parse_traceparent(exchange.traceparent);
  if (!context) return keep_root(out);
  out = SpanIds{};
  const bool keep = sampler_.keep(context->trace_id, (context->flags & kSampledFlag) != 0);
  out.trace_id = context->trace_id;
  out.parent_span_id = context->span_id;
  // A client's own header names a span of the same process.
  out.parent_is_remote = exchange.role != connection::Role::kClient;
  out.from_traceparent = true;
  const uint8_t others = context->flags & static_cast<uint8_t>(~kSampledFlag);
  out.trace_flags = keep ? others | kSampledFlag : others;
  if (keep) out.span_id = ids_.span_id();
  return keep;
}

bool Correlator::keep_root(SpanIds& out) {
  out = SpanIds{};
  out.trace_id = ids_.trace_id();
  if (!sampler_.keep(out.trace_id, std::nullopt)) {
    out.trace_flags = 0;
    return false;
  }
  out.span_id = ids_.span_id();
  return true;
}

void Correlator::apply(const SpanIds& ids, telemetry::Span& span) {
  span.trace_id = ids.trace_id;
  span.span_id = ids.span_id;
  span.parent_span_id = ids.parent_span_id;
  span.trace_flags = ids.trace_flags;
  span.parent_is_remote = ids.parent_is_remote;
}

void Correlator::apply(const SpanIds& ids, const protocol::HttpExchange& exchange,
                       telemetry::Span& span) {
  apply(ids, span);
  if (!ids.from_traceparent) return;
  span.trace_state = valid_tracestate(exchange.tracestate);
  span.attributes.push_back({"tacit.parent.source", std::string("traceparent")});
}

bool Correlator::assign(telemetry::Span& span, const protocol::HttpExchange& exchange) {
  SpanIds ids;
  const bool kept = keep(exchange, ids);
  apply(ids, exchange, span);
  return kept;
}

}  // namespace tacit::trace
