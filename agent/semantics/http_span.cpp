// SPDX-License-Identifier: Apache-2.0
// HttpSemantics::make_span. Attribute names and rules:
// https://opentelemetry.io/docs/specs/semconv/http/http-spans/
#include <algorithm>

#include "agent/base/valid_text.h"
#include "agent/semantics/error_type.h"
#include "agent/semantics/http_semantics.h"
#include "agent/semantics/query_redaction.h"
#include "agent/semantics/socket_text.h"

namespace tacit::semantics {
namespace {

using connection::Endpoints;
using connection::Family;
using protocol::HttpExchange;
using protocol::Outcome;
using telemetry::Attributes;
using telemetry::Span;
using telemetry::SpanKind;

void add(Attributes& attributes, const char* key, std::string value) {
  attributes.push_back({key, std::move(value)});
}

void add(Attributes& attributes, const char* key, int64_t value) {
  attributes.push_back({key, value});
}

// Empty text and what is not known make no attribute.
void add_seen(Attributes& attributes, const char* key, std::string_view value) {
  if (!value.empty()) add(attributes, key, valid_utf8(value));
}

std::string span_name(const HttpCall& call) {
  const std::string_view method = call.method == "_OTHER" ? std::string_view("HTTP") : call.method;
  std::string name(method);
  if (call.kind == SpanKind::kServer && !call.route.empty()) {
    name.reserve(method.size() + 1 + call.route.size());
    name += ' ';
    name += call.route;
  }
  return name;
}

// url.full: user-info never leaves, the query by policy. Empty where there is no URL to speak of.
std::string full_url(const HttpCall& call, std::string_view query, bool with_user_info) {
  const bool has_path =
      call.target.form == TargetForm::kOrigin || call.target.form == TargetForm::kAbsolute;
  // A unix socket's path or abstract name is no host.
  const bool host = !call.server_address.empty() &&
                    call.server_address.find_first_of("/@") == std::string_view::npos;
  if (!has_path || !host) return {};
  std::string url;
  url.reserve(call.server_address.size() + call.target.path.size() + query.size() + 48);
  url += call.scheme;
  url += "://";
  if (with_user_info) url += "REDACTED:REDACTED@";
  const bool ipv6 = call.server_address.find(':') != std::string_view::npos;
  if (ipv6) url += '[';
  url += call.server_address;
  if (ipv6) url += ']';
  if (call.server_port != 0 && call.server_port != default_port(call.scheme)) {
    url += ':';
    url += std::to_string(call.server_port);
  }
  url += call.target.path;
  if (!query.empty()) {
    url += '?';
    url += query;
  }
  return valid_utf8(url);
}

void add_request(const HttpCall& call, const HttpExchange& exchange, config::QueryPolicy policy,
                 Attributes& out) {
  add(out, "http.request.method", std::string(call.method));
  add_seen(out, "http.request.method_original", call.method_original);
  if (call.status != 0) add(out, "http.response.status_code", int64_t{call.status});
  add_seen(out, "http.route", call.route);
  add(out, "url.scheme", std::string(call.scheme));
  std::string query;
  if (policy == config::QueryPolicy::kRedact && call.target.has_query) {
    query = redact_query(call.target.query);
  }
  if (call.kind == SpanKind::kClient) {
    const bool user_info = call.target.authority.find('@') != std::string_view::npos ||
                           (call.target.authority.empty() &&
                            exchange.host.find('@') != std::string::npos);
    std::string url = full_url(call, query, user_info);
    if (!url.empty()) add(out, "url.full", std::move(url));
  }
  add_seen(out, "url.path", call.target.path);
  add_seen(out, "url.query", query);
}

void add_network(const HttpCall& call, const Endpoints& endpoints, Attributes& out) {
  const bool server = call.kind == SpanKind::kServer;
  add_seen(out, "server.address", call.server_address);
  if (call.server_port != 0) add(out, "server.port", int64_t{call.server_port});
  if (endpoints.family == Family::kIpv4 || endpoints.family == Family::kIpv6) {
    std::string peer = address_text(endpoints.family, endpoints.remote);
    if (server) {
      add(out, "client.address", peer);
      add(out, "client.port", int64_t{endpoints.remote.port});
    }
    add(out, "network.peer.address", std::move(peer));
    add(out, "network.peer.port", int64_t{endpoints.remote.port});
    add(out, "network.transport", "tcp");
  } else if (endpoints.family == Family::kUnix) {
    // The path names the listening end; the other one has no name.
    add_seen(out, server ? "network.local.address" : "network.peer.address", endpoints.unix_path);
    add(out, "network.transport", "unix");
  }
  add(out, "network.protocol.name", "http");
  add(out, "network.protocol.version", std::string(call.protocol_version));
}

// Values of one name become one array, in the order sent.
void add_headers(const std::vector<std::pair<std::string, std::string>>& headers,
                 const char* prefix, Attributes& out) {
  for (const auto& [name, value] : headers) {
    const std::string key = prefix + valid_utf8(name);
    const auto same = std::find_if(out.begin(), out.end(),
                                   [&](const telemetry::Attribute& a) { return a.key == key; });
    if (same == out.end()) {
      out.push_back({key, std::vector<std::string>{valid_utf8(value)}});
    } else {
      std::get<std::vector<std::string>>(same->value).push_back(valid_utf8(value));
    }
  }
}

void add_outcome(const HttpCall& call, const HttpExchange& exchange, Attributes& out) {
  if (call.request_body_bytes >= 0) add(out, "http.request.body.size", call.request_body_bytes);
  if (call.response_body_bytes >= 0) add(out, "http.response.body.size", call.response_body_bytes);
  add_seen(out, "error.type", call.error_type);
  if (exchange.outcome != Outcome::kComplete) {
    add(out, "tacit.outcome", std::string(outcome_name(exchange.outcome)));
  }
  if (exchange.request_last_ns != 0 && exchange.response_first_ns >= exchange.request_last_ns) {
    const uint64_t wait_ns = exchange.response_first_ns - exchange.request_last_ns;
    out.push_back({"tacit.http.time_to_first_byte", static_cast<double>(wait_ns) / 1e9});
  }
}

// The status code explains itself; a failed transport gets a sentence.
std::string status_message(const HttpCall& call, const HttpExchange& exchange) {
  if (call.status != 0 && call.error_type == status_code_text(call.status)) return {};
  switch (exchange.outcome) {
    case Outcome::kReset:
      return exchange.error_number == 0
                 ? std::string("the connection was reset")
                 : "the connection failed: " + std::string(call.error_type);
    case Outcome::kNoResponse:
      return "the connection ended without a response";
    case Outcome::kTruncated:
      return "the connection ended in the middle of the response";
    case Outcome::kClientAborted:
      return "the client closed the connection before the response was complete";
    case Outcome::kProtocolError:
      return "what came back was not HTTP";
    default:
      return {};
  }
}

}  // namespace

Span HttpSemantics::make_span(const HttpCall& call, const HttpExchange& exchange,
                              const Endpoints& endpoints, int64_t wall_offset_ns) const {
  Span span;
  span.name = span_name(call);
  span.kind = call.kind;
  span.start_unix_ns = static_cast<uint64_t>(static_cast<int64_t>(call.start_ns) + wall_offset_ns);
  span.end_unix_ns = span.start_unix_ns + call.duration_ns;
  if (!call.error_type.empty()) {
    span.status = telemetry::StatusCode::kError;
    span.status_message = status_message(call, exchange);
  }
  Attributes& out = span.attributes;
  out.reserve(24);  // 20 at most without headers and ids' own
  add_request(call, exchange, query_policy_, out);
  add_network(call, endpoints, out);
  add_seen(out, "user_agent.original", exchange.user_agent);
  add_outcome(call, exchange, out);
  add_headers(exchange.request_headers, "http.request.header.", out);
  add_headers(exchange.response_headers, "http.response.header.", out);
  return span;
}

}  // namespace tacit::semantics
