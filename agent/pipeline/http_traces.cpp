// SPDX-License-Identifier: Apache-2.0
#include "agent/pipeline/http_traces.h"

#include <functional>
#include <string>
#include <utility>

#include "agent/pipeline/work_of.h"

namespace tacit::pipeline {
namespace {

constexpr char kPlainScheme[] = "http";

metrics::RequestSample sample_of(const semantics::HttpCall& call) {
  return {.server = call.kind == telemetry::SpanKind::kServer,
          .method = call.method,
          .scheme = call.scheme,
          .route = call.route,
          .status = call.status,
          .error_type = call.error_type,
          .protocol_version = call.protocol_version,
          .server_address = call.server_address,
          .server_port = call.server_port,
          .duration_ns = call.duration_ns,
          .request_body_bytes = call.request_body_bytes,
          .response_body_bytes = call.response_body_bytes};
}

}  // namespace

// The resource of the process that served or sent this exchange; kept while it stays the same.
bool HttpTraces::resolve(TrackedConnection& connection, uint32_t pid) {
  const discovery::Process* process = rooms_.processes.resolve(pid);
  if (process == nullptr) return false;
  if (connection.resource_key == process->revision && connection.resource) return true;
  connection.resource = rooms_.resources.resource_for(*process);
  connection.resource_key = process->revision;
  connection.service_key = std::hash<std::string>{}(connection.resource->service_name);
  return true;
}

void HttpTraces::count_active(TrackedConnection& connection, const protocol::HttpExchange& exchange,
                            int change) {
  metrics::RequestSample sample;
  sample.method = semantics::known_method(exchange.method);
  sample.scheme = kPlainScheme;
  rooms_.metrics.add_active(sample, *connection.active_resource, change);
  connection.active_requests += static_cast<uint32_t>(change);
}

void HttpTraces::on_request(TrackedConnection& connection, protocol::HttpExchange& exchange) {
  place_in_trace(connection, exchange);
  if (exchange.role != connection::Role::kServer) return;
  rooms_.kernels.began(exchange.place.get(), exchange.request_actor.pid,
                         exchange.request_actor.tid, exchange.request_first_ns);
  if (connection.active_requests == 0) {
    if (!resolve(connection, exchange.request_actor.pid)) return;
    connection.active_resource = connection.resource;
  }
  count_active(connection, exchange, 1);
}

void HttpTraces::place_in_trace(TrackedConnection& connection, protocol::HttpExchange& exchange) {
  if (!rooms_.emit || exchange.role == connection::Role::kUnknown) return;
  const uint32_t pid = exchange.request_actor.pid;
  if (!resolve(connection, pid)) return;
  work_of(rooms_.correlator, rooms_.processes, pid);
  const auto& sampler = rooms_.samplers.of(connection.resource->service_name);
  const trace::Route route{.endpoints = connection.endpoints,
                           .socket_id = connection.socket_id,
                           .peer_socket_id = connection.peer_socket_id,
                           .origin_ns = connection.origin_ns,
                           .opener = std::exchange(connection.opener, {})};
  if (exchange.role == connection::Role::kClient) {
    connection.sent = rooms_.correlator.sent(exchange, route, sampler, exchange.request_first_ns);
    exchange.place = connection.sent;
    return;
  }
  rooms_.programs.serves(pid, exchange.request_first_ns);
  connection.served = rooms_.correlator.served(exchange, route, sampler, rooms_.moment.now_ns);
  exchange.place = connection.served;
}

// An end without a (whole) response may only look like one where records were lost meanwhile.
void HttpTraces::doubt_ending(protocol::HttpExchange& exchange) const {
  if (exchange.outcome == protocol::Outcome::kComplete ||
      exchange.request_first_ns > rooms_.moment.last_loss_ns)
    return;
  exchange.outcome = protocol::Outcome::kUnknown;
  exchange.error_number = 0;
  exchange.response_body_known = false;
}

void HttpTraces::on_exchange(TrackedConnection& connection, protocol::HttpExchange& exchange) {
  ++counters_.exchanges;
  const auto kernels = rooms_.kernels.over(exchange.place.get(), exchange.end_ns);
  doubt_ending(exchange);
  if (exchange.role == connection::Role::kServer && connection.active_requests > 0)
    count_active(connection, exchange, -1);
  const uint32_t pid =
      exchange.request_actor.pid != 0 ? exchange.request_actor.pid : connection.last_pid;
  if (!resolve(connection, pid)) {
    ++counters_.without_process;
    return;
  }
  const auto call =
      rooms_.semantics.describe(exchange, connection.endpoints, connection.service_key);
  if (call.kind != telemetry::SpanKind::kInternal)  // a side that could not be told has no metric
    rooms_.metrics.observe(sample_of(call), *connection.resource);
  ++counters_.spans[static_cast<size_t>(call.kind)];
  if (!rooms_.emit) return;
  if (!exchange.place) place_in_trace(connection, exchange);  // its process was not known before
  const auto place = std::static_pointer_cast<trace::Place>(std::exchange(exchange.place, nullptr));
  if (!place) {
    ++counters_.unplaced;
    return;
  }
  rooms_.correlator.over(place, exchange);
  if (rooms_.outlet.is_unwanted(*place, rooms_.moment.now_ns)) return rooms_.kernels.drop(kernels);
  auto span = rooms_.semantics.make_span(call, exchange, connection.endpoints, rooms_.moment.wall_offset_ns);
  if (place->source == trace::ParentSource::kTraceparent || place->header)
    span.trace_state = trace::valid_tracestate(exchange.tracestate);
  if (connection.failed_attempts != 0)
    span.attributes.push_back({"tacit.connect.failed_attempts",
                               int64_t{std::exchange(connection.failed_attempts, 0)}});
  rooms_.failures.describe_request(span, *place, rooms_.moment.wall_offset_ns);
  rooms_.emit(std::move(span), place, pid, connection.resource, kernels);
}

}  // namespace tacit::pipeline
