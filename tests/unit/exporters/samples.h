// SPDX-License-Identifier: Apache-2.0
// Spans that the tests of this room share.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/telemetry/span.h"

namespace tacit::exporters {

inline telemetry::ResourcePtr sample_resource(uint64_t id, const std::string& service) {
  auto resource = std::make_shared<telemetry::Resource>();
  resource->id = id;
  resource->service_name = service;
  resource->instance = "host:8080";
  resource->attributes = {{"service.name", service}, {"process.pid", int64_t{4711}}};
  return resource;
}

// A CLIENT span with every field set.
inline telemetry::Span sample_span(const telemetry::ResourcePtr& resource) {
  telemetry::Span span;
  for (size_t i = 0; i < span.trace_id.size(); ++i) span.trace_id[i] = static_cast<uint8_t>(i + 1);
  span.span_id = {0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31};
  span.parent_span_id = {0, 0, 0, 0, 0, 0, 0, 9};
  span.trace_state = "vendor=1";
  span.trace_flags = 1;
  span.parent_is_remote = true;
  span.name = "GET /items/{id}";
  span.kind = telemetry::SpanKind::kClient;
  span.start_unix_ns = 1'795'260'929'123'456'789;
  span.end_unix_ns = 1'795'260'929'135'802'467;
  span.status = telemetry::StatusCode::kError;
  span.status_message = "reset by the server";
  span.attributes = {{"http.request.method", std::string("GET")},
                     {"http.response.status_code", int64_t{503}},
                     {"server.address", std::string("stock")},
                     {"server.port", int64_t{8080}},
                     {"error.type", std::string("503")},
                     {"tacit.ratio", 2.0},
                     {"tacit.flag", true},
                     {"http.request.header.accept", std::vector<std::string>{"a/b", "c/d"}}};
  span.events = {{"joined", 1'795'260'929'123'456'790, {{"n", int64_t{-5}}}}};
  span.resource = resource;
  return span;
}

// `count` small SERVER spans named prefix0, prefix1, …
inline std::vector<telemetry::Span> named_spans(size_t count, const std::string& prefix = "s") {
  static const telemetry::ResourcePtr resource = sample_resource(1, "shop");
  std::vector<telemetry::Span> spans(count);
  for (size_t i = 0; i < count; ++i) {
    spans[i].name = prefix + std::to_string(i);
    spans[i].kind = telemetry::SpanKind::kServer;
    spans[i].resource = resource;
  }
  return spans;
}

}  // namespace tacit::exporters
