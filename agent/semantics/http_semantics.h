// SPDX-License-Identifier: Apache-2.0
// Exchange → HttpCall → Span, by OpenTelemetry's stable HTTP conventions 1.23 and later
// (https://opentelemetry.io/docs/specs/semconv/http/http-spans/). README.md says where it decides.
#pragma once
#include <cstdint>
#include <string>

#include "agent/config/config.h"
#include "agent/connection/connection.h"
#include "agent/protocol/exchange.h"
#include "agent/semantics/http_call.h"
#include "agent/semantics/route_learner.h"
#include "agent/telemetry/span.h"

namespace tacit::semantics {

// Loop thread. Holds the learned routes.
class HttpSemantics {
 public:
  explicit HttpSemantics(const config::Config& config);

  // Cheap, no allocation in the steady state. `service_key`: see RouteLearner::route. The call's
  // views live until the next describe().
  HttpCall describe(const protocol::HttpExchange& exchange,
                    const connection::Endpoints& endpoints, uint64_t service_key);

  // The span without ids and resource. `wall_offset_ns`: wall clock minus CLOCK_MONOTONIC.
  telemetry::Span make_span(const HttpCall& call, const protocol::HttpExchange& exchange,
                            const connection::Endpoints& endpoints, int64_t wall_offset_ns) const;

  RouteLearner& routes() { return routes_; }

 private:
  void describe_server(const protocol::HttpExchange& exchange,
                       const connection::Endpoints& endpoints, HttpCall& call);

  config::QueryPolicy query_policy_;
  RouteLearner routes_;
  std::string socket_address_;  // storage of HttpCall::server_address
};

// http.request.method: the method itself where it is a known one, else "_OTHER". Static storage.
std::string_view known_method(std::string_view method);

// A scheme's port that URLs leave out; 0: none.
uint16_t default_port(std::string_view scheme);

}  // namespace tacit::semantics
