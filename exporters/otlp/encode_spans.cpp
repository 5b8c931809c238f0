// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/encode_spans.h"

#include <algorithm>
#include <string>

#include "exporters/otlp/encode_attributes.h"

namespace tacit::exporters {
namespace {

using telemetry::Resource;
using telemetry::Span;

// Field numbers: proto/trace.proto, named as there.
namespace request {
constexpr uint32_t kResourceSpans = 1;
}
namespace resource_spans {
constexpr uint32_t kResource = 1, kScopeSpans = 2, kSchemaUrlField = 3;
}
namespace resource_field {
constexpr uint32_t kAttributes = 1;
}
namespace scope_spans {
constexpr uint32_t kScope = 1, kSpans = 2, kSchemaUrlField = 3;
}
namespace span_field {
constexpr uint32_t kTraceId = 1, kSpanId = 2, kTraceState = 3, kParentSpanId = 4, kName = 5;
constexpr uint32_t kKind = 6, kStart = 7, kEnd = 8, kAttributes = 9, kEvents = 11, kStatus = 15;
constexpr uint32_t kFlags = 16;
}  // namespace span_field
namespace event_field {
constexpr uint32_t kTime = 1, kName = 2, kAttributes = 3;
}
namespace status_field {
constexpr uint32_t kMessage = 2, kCode = 3;
}

// SpanFlags (proto/trace.proto): the W3C flags, whether the parent is remote, and that this is
// known.
constexpr uint32_t kHasIsRemote = 0x100;
constexpr uint32_t kIsRemote = 0x200;

constexpr size_t kTypicalSpanBytes = 640;

void write_event(ProtoWriter& writer, const telemetry::SpanEvent& event) {
  const size_t message = writer.begin(span_field::kEvents);
  writer.fixed64(event_field::kTime, event.time_unix_ns);
  writer.string(event_field::kName, event.name);
  for (const auto& attribute : event.attributes) {
    write_attribute(writer, event_field::kAttributes, attribute);
  }
  writer.end(message);
}

void write_status(ProtoWriter& writer, const Span& span) {
  if (span.status == telemetry::StatusCode::kUnset && span.status_message.empty()) return;
  const size_t message = writer.begin(span_field::kStatus);
  if (!span.status_message.empty()) writer.string(status_field::kMessage, span.status_message);
  writer.varint(status_field::kCode, static_cast<uint64_t>(span.status));
  writer.end(message);
}

void write_span(ProtoWriter& writer, const Span& span) {
  const size_t message = writer.begin(scope_spans::kSpans);
  writer.bytes(span_field::kTraceId, span.trace_id.data(), span.trace_id.size());
  writer.bytes(span_field::kSpanId, span.span_id.data(), span.span_id.size());
  if (!span.trace_state.empty()) writer.string(span_field::kTraceState, span.trace_state);
  if (span.parent_span_id != telemetry::SpanId{}) {
    writer.bytes(span_field::kParentSpanId, span.parent_span_id.data(), span.parent_span_id.size());
  }
  writer.string(span_field::kName, span.name);
  writer.varint(span_field::kKind, static_cast<uint64_t>(span.kind));
  writer.fixed64(span_field::kStart, span.start_unix_ns);
  writer.fixed64(span_field::kEnd, span.end_unix_ns);
  for (const auto& attribute : span.attributes) {
    write_attribute(writer, span_field::kAttributes, attribute);
  }
  for (const auto& event : span.events) write_event(writer, event);
  write_status(writer, span);
  writer.fixed32(span_field::kFlags,
                 span.trace_flags | kHasIsRemote | (span.parent_is_remote ? kIsRemote : 0));
  writer.end(message);
}

// The spans in the order in which their resources first appear.
std::vector<const Span*> group_by_resource(const std::vector<Span>& spans) {
  std::vector<const Resource*> seen;
  for (const Span& span : spans) {
    if (!seen.empty() && seen.back() == span.resource.get()) continue;
    if (std::find(seen.begin(), seen.end(), span.resource.get()) == seen.end()) {
      seen.push_back(span.resource.get());
    }
  }
  std::vector<const Span*> grouped;
  grouped.reserve(spans.size());
  for (const Resource* resource : seen) {
    for (const Span& span : spans) {
      if (span.resource.get() == resource) grouped.push_back(&span);
    }
  }
  return grouped;
}

// Writes spans of one resource until they end or the request is full; returns how many.
size_t write_resource_spans(ProtoWriter& writer, const Span* const* first,
                            const Span* const* last) {
  const Resource* resource = (*first)->resource.get();
  const size_t group = writer.begin(request::kResourceSpans);
  const size_t head = writer.begin(resource_spans::kResource);
  if (resource != nullptr) {
    for (const auto& attribute : resource->attributes) {
      write_attribute(writer, resource_field::kAttributes, attribute);
    }
  }
  writer.end(head);
  const size_t scope = writer.begin(resource_spans::kScopeSpans);
  write_scope(writer, scope_spans::kScope);
  const Span* const* next = first;
  while (next != last && (*next)->resource.get() == resource &&
         (next == first || writer.size() < kRequestBytes)) {
    write_span(writer, **next++);
  }
  writer.string(scope_spans::kSchemaUrlField, kSchemaUrl);
  writer.end(scope);
  writer.string(resource_spans::kSchemaUrlField, kSchemaUrl);
  writer.end(group);
  return static_cast<size_t>(next - first);
}

}  // namespace

std::vector<Payload> encode_spans(const std::vector<Span>& spans) {
  const std::vector<const Span*> grouped = group_by_resource(spans);
  std::vector<Payload> payloads;
  const Span* const* next = grouped.data();
  const Span* const* const end = next + grouped.size();
  while (next != end) {
    if (payloads.empty() || payloads.back().body.size() >= kRequestBytes) {
      const auto left = static_cast<size_t>(end - next);
      payloads.emplace_back().body.reserve(std::min(left * kTypicalSpanBytes, kRequestBytes));
    }
    ProtoWriter writer(payloads.back().body);
    const size_t written = write_resource_spans(writer, next, end);
    payloads.back().items += written;
    next += written;
  }
  return payloads;
}

}  // namespace tacit::exporters
