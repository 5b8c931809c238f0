// SPDX-License-Identifier: Apache-2.0
#include "agent/semantics/http_semantics.h"

#include <algorithm>
#include <array>

#include "agent/semantics/error_type.h"
#include "agent/semantics/socket_text.h"

namespace tacit::semantics {
namespace {

using connection::Endpoints;
using connection::Family;
using connection::Role;
using protocol::HttpExchange;
using telemetry::SpanKind;

// RFC 9110 section 9.3 and RFC 5789. Methods are case-sensitive.
constexpr std::array<std::string_view, 9> kMethods = {
    "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE"};

SpanKind kind_of(const HttpExchange& exchange, const Endpoints& endpoints) {
  const Role role = exchange.role == Role::kUnknown ? endpoints.role : exchange.role;
  if (role == Role::kServer) return SpanKind::kServer;
  return role == Role::kClient ? SpanKind::kClient : SpanKind::kInternal;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

void set_times(const HttpExchange& exchange, HttpCall& call) {
  const std::array<uint64_t, 5> times = {exchange.request_first_ns, exchange.request_last_ns,
                                         exchange.response_first_ns, exchange.response_last_ns,
                                         exchange.end_ns};
  // The first and the last that were seen: an exchange joined in its middle lacks some.
  const auto first =
      std::find_if(times.begin(), times.end(), [](uint64_t time) { return time != 0; });
  if (first == times.end()) return;
  uint64_t last = 0;
  for (const uint64_t time : times)
    if (time != 0) last = time;
  call.start_ns = *first;
  call.duration_ns = last > *first ? last - *first : 0;
}

}  // namespace

std::string_view known_method(std::string_view method) {
  const auto found = std::find(kMethods.begin(), kMethods.end(), method);
  return found == kMethods.end() ? std::string_view("_OTHER") : *found;
}

uint16_t default_port(std::string_view scheme) {
  if (scheme == "http") return 80;
  return scheme == "https" ? 443 : 0;
}

HttpSemantics::HttpSemantics(const config::Config& config)
    : query_policy_(config.http_query), routes_(config.http_routes) {
  socket_address_.reserve(128);
}

HttpCall HttpSemantics::describe(const HttpExchange& exchange, const Endpoints& endpoints,
                                 uint64_t service_key) {
  HttpCall call;
  call.kind = kind_of(exchange, endpoints);
  call.method = known_method(exchange.method);
  if (call.method == "_OTHER") call.method_original = exchange.method;
  call.target = parse_target(exchange.method, exchange.target);
  if (equals_ignoring_case(call.target.scheme, "https")) call.scheme = "https";
  call.status = exchange.status >= 100 && exchange.status <= 999 ? exchange.status : 0;
  call.error_type = error_type(exchange, call.kind);
  call.protocol_version = exchange.request_minor_version == 0 ? "1.0" : "1.1";
  set_times(exchange, call);
  if (exchange.request_body_known) {
    call.request_body_bytes = static_cast<int64_t>(exchange.request_body_bytes);
  }
  if (exchange.response_body_known && call.status != 0) {
    call.response_body_bytes = static_cast<int64_t>(exchange.response_body_bytes);
  }
  describe_server(exchange, endpoints, call);
  const bool has_path =
      call.target.form == TargetForm::kOrigin || call.target.form == TargetForm::kAbsolute;
  if (call.kind == SpanKind::kServer && has_path) {
    const Route route = routes_.route(service_key, call.target.path, call.status);
    call.route = route.text;
    call.route_id = route.id;
  }
  return call;
}

// The name that the client used: the target's authority, which overrides the Host header (RFC 9112
// section 3.2.2), else that header, else the socket. A name without a port got there through the
// socket's port.
void HttpSemantics::describe_server(const HttpExchange& exchange, const Endpoints& endpoints,
                                    HttpCall& call) {
  Authority authority = parse_authority(call.target.authority);
  const bool from_target = !authority.host.empty();
  if (!from_target) authority = parse_authority(exchange.host);
  const bool server_is_local = call.kind == SpanKind::kServer;
  const connection::Address& address = server_is_local ? endpoints.local : endpoints.remote;
  const bool inet = endpoints.family == Family::kIpv4 || endpoints.family == Family::kIpv6;
  call.server_address = authority.host;
  call.server_port = authority.port;
  if (authority.host.empty()) {
    socket_address_.clear();
    if (inet) {
      append_address(endpoints.family, address, socket_address_);
    } else {
      socket_address_ = endpoints.unix_path;
    }
    call.server_address = socket_address_;
  }
  if (call.server_port == 0 && from_target) call.server_port = default_port(call.scheme);
  if (call.server_port == 0 && inet) call.server_port = address.port;
}

}  // namespace tacit::semantics
