// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "agent/semantics/http_semantics.h"
#include "tests/unit/semantics/exchange_samples.h"

namespace tacit::semantics {
namespace {

using connection::Endpoints;
using connection::Role;
using protocol::HttpExchange;
using protocol::Outcome;
using telemetry::Span;
using telemetry::StatusCode;

constexpr int64_t kWallOffset = 1'700'000'000'000'000'000;

Span span_of(const HttpExchange& exchange, const Endpoints& endpoints,
             const config::Config& config = {}) {
  HttpSemantics semantics(config);
  const HttpCall call = semantics.describe(exchange, endpoints, 1);
  return semantics.make_span(call, exchange, endpoints, kWallOffset);
}

std::vector<std::string> keys(const Span& span) {
  std::vector<std::string> names;
  for (const auto& attribute : span.attributes) names.push_back(attribute.key);
  return names;
}

config::Config redacting() {
  config::Config config;
  config.http_query = config::QueryPolicy::kRedact;
  return config;
}

TEST(HttpSpan, ServerHasExactlyTheseAttributes) {
  const Span span = span_of(exchange_of(Role::kServer), server_socket());
  EXPECT_EQ(span.name, "GET /items/{id}");
  EXPECT_EQ(span.kind, telemetry::SpanKind::kServer);
  EXPECT_EQ(span.start_unix_ns, 1'700'000'001'000'000'000u);
  EXPECT_EQ(span.end_unix_ns, 1'700'000'001'300'000'000u);
  EXPECT_EQ(span.status, StatusCode::kUnset);
  EXPECT_EQ(span.status_message, "");
  EXPECT_THAT(keys(span),
              testing::UnorderedElementsAre(
                  "http.request.method", "http.response.status_code", "http.route", "url.scheme",
                  "url.path", "server.address", "server.port", "client.address", "client.port",
                  "network.peer.address", "network.peer.port", "network.transport",
                  "network.protocol.name", "network.protocol.version", "user_agent.original",
                  "http.request.body.size", "http.response.body.size",
                  "tacit.http.time_to_first_byte"));
  EXPECT_EQ(text_of(span, "http.request.method"), "GET");
  EXPECT_EQ(text_of(span, "http.response.status_code"), "200");
  EXPECT_EQ(text_of(span, "http.route"), "/items/{id}");
  EXPECT_EQ(text_of(span, "url.path"), "/items/17");
  EXPECT_EQ(text_of(span, "server.address"), "api.example");
  EXPECT_EQ(text_of(span, "server.port"), "8080");
  EXPECT_EQ(text_of(span, "client.address"), "10.0.0.9");
  EXPECT_EQ(text_of(span, "client.port"), "40123");
  EXPECT_EQ(text_of(span, "network.peer.address"), "10.0.0.9");
  EXPECT_EQ(text_of(span, "network.transport"), "tcp");
  EXPECT_EQ(text_of(span, "network.protocol.version"), "1.1");
  EXPECT_EQ(text_of(span, "user_agent.original"), "curl/8.0");
  EXPECT_EQ(text_of(span, "http.request.body.size"), "0");
  EXPECT_EQ(text_of(span, "http.response.body.size"), "42");
  EXPECT_EQ(text_of(span, "tacit.http.time_to_first_byte"), "0.250000");
}

TEST(HttpSpan, ClientNamesTheWholeUrl) {
  const Span span = span_of(exchange_of(Role::kClient), client_socket());
  EXPECT_EQ(span.name, "GET");
  EXPECT_EQ(span.kind, telemetry::SpanKind::kClient);
  EXPECT_EQ(text_of(span, "url.full"), "http://api.example:8080/items/17");
  EXPECT_EQ(text_of(span, "network.peer.address"), "10.0.0.1");
  EXPECT_EQ(text_of(span, "network.peer.port"), "8000");
  EXPECT_EQ(text_of(span, "client.address"), "<absent>");
  EXPECT_EQ(text_of(span, "http.route"), "<absent>");
}

TEST(HttpSpan, QueryByPolicy) {
  const HttpExchange exchange = exchange_of(Role::kClient);
  EXPECT_EQ(text_of(span_of(exchange, client_socket()), "url.query"), "<absent>");
  const Span span = span_of(exchange, client_socket(), redacting());
  EXPECT_EQ(text_of(span, "url.query"), "token=REDACTED&q=1");
  EXPECT_EQ(text_of(span, "url.full"), "http://api.example:8080/items/17?token=REDACTED&q=1");
}

TEST(HttpSpan, CredentialsNeverLeave) {
  HttpExchange exchange = exchange_of(Role::kClient);
  exchange.target = "http://ann:s3cret@target.example:8080/x";
  Span span = span_of(exchange, client_socket(), redacting());
  EXPECT_EQ(text_of(span, "url.full"), "http://REDACTED:REDACTED@target.example:8080/x");
  exchange.target = "/x";
  exchange.host = "ann:s3cret@api.example";
  span = span_of(exchange, client_socket(), redacting());
  EXPECT_EQ(text_of(span, "url.full"), "http://REDACTED:REDACTED@api.example:8000/x");
  EXPECT_EQ(text_of(span, "server.address"), "api.example");
}

TEST(HttpSpan, UrlOfAnIpv6Literal) {
  HttpExchange exchange = exchange_of(Role::kClient);
  exchange.host = "[::1]:80";
  EXPECT_EQ(text_of(span_of(exchange, client_socket()), "url.full"), "http://[::1]/items/17");
}

TEST(HttpSpan, UnknownMethod) {
  HttpExchange exchange = exchange_of(Role::kServer);
  exchange.method = "propfind";
  const Span span = span_of(exchange, server_socket());
  EXPECT_EQ(span.name, "HTTP /items/{id}");
  EXPECT_EQ(text_of(span, "http.request.method"), "_OTHER");
  EXPECT_EQ(text_of(span, "http.request.method_original"), "propfind");
}

TEST(HttpSpan, StatusRules) {
  HttpExchange server = exchange_of(Role::kServer);
  HttpExchange client = exchange_of(Role::kClient);
  server.status = client.status = 404;
  EXPECT_EQ(span_of(server, server_socket()).status, StatusCode::kUnset);
  EXPECT_EQ(span_of(client, client_socket()).status, StatusCode::kError);
  server.status = 503;
  const Span span = span_of(server, server_socket());
  EXPECT_EQ(span.status, StatusCode::kError);
  EXPECT_EQ(span.status_message, "");
  EXPECT_EQ(text_of(span, "error.type"), "503");
  EXPECT_EQ(text_of(span, "tacit.outcome"), "<absent>");
}

TEST(HttpSpan, AResetSaysSo) {
  HttpExchange exchange = exchange_of(Role::kClient);
  exchange.outcome = Outcome::kReset;
  exchange.error_number = ECONNRESET;
  exchange.status = 0;
  exchange.response_first_ns = 0;
  const Span span = span_of(exchange, client_socket());
  EXPECT_EQ(span.status, StatusCode::kError);
  EXPECT_EQ(span.status_message, "the connection failed: ECONNRESET");
  EXPECT_EQ(text_of(span, "error.type"), "ECONNRESET");
  EXPECT_EQ(text_of(span, "tacit.outcome"), "reset");
  EXPECT_EQ(text_of(span, "http.response.status_code"), "<absent>");
  EXPECT_EQ(text_of(span, "http.response.body.size"), "<absent>");
  EXPECT_EQ(text_of(span, "tacit.http.time_to_first_byte"), "<absent>");
}

TEST(HttpSpan, UnknownOutcomeIsMarkedAndNoError) {
  HttpExchange exchange = exchange_of(Role::kServer);
  exchange.outcome = Outcome::kUnknown;
  exchange.status = 0;
  const Span span = span_of(exchange, server_socket());
  EXPECT_EQ(span.status, StatusCode::kUnset);
  EXPECT_EQ(text_of(span, "tacit.outcome"), "unknown");
  EXPECT_EQ(text_of(span, "error.type"), "<absent>");
}

TEST(HttpSpan, UnixSocketNamesItsListeningEnd) {
  Endpoints endpoints;
  endpoints.family = connection::Family::kUnix;
  endpoints.unix_path = "/run/app.sock";
  endpoints.role = Role::kClient;
  Span span = span_of(exchange_of(Role::kClient), endpoints);
  EXPECT_EQ(text_of(span, "network.transport"), "unix");
  EXPECT_EQ(text_of(span, "network.peer.address"), "/run/app.sock");
  EXPECT_EQ(text_of(span, "network.peer.port"), "<absent>");
  endpoints.role = Role::kServer;
  span = span_of(exchange_of(Role::kServer), endpoints);
  EXPECT_EQ(text_of(span, "network.peer.address"), "<absent>");
  EXPECT_EQ(text_of(span, "network.local.address"), "/run/app.sock");
  EXPECT_EQ(text_of(span, "client.address"), "<absent>");
}

TEST(HttpSpan, MappedIpv4IsIpv4) {
  Endpoints endpoints = server_socket();
  endpoints.family = connection::Family::kIpv6;
  endpoints.remote.bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127, 0, 0, 1};
  EXPECT_EQ(text_of(span_of(exchange_of(Role::kServer), endpoints), "client.address"), "127.0.0.1");
  endpoints.remote.bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  EXPECT_EQ(text_of(span_of(exchange_of(Role::kServer), endpoints), "client.address"), "::1");
}

TEST(HttpSpan, ConfiguredHeadersBecomeArrays) {
  HttpExchange exchange = exchange_of(Role::kServer);
  exchange.request_headers = {{"x-tenant", "a"}, {"accept", "text/html"}, {"x-tenant", "b"}};
  exchange.response_headers = {{"x-tenant", "c"}};
  const Span span = span_of(exchange, server_socket());
  EXPECT_EQ(text_of(span, "http.request.header.x-tenant"), "[a|b]");
  EXPECT_EQ(text_of(span, "http.request.header.accept"), "[text/html]");
  EXPECT_EQ(text_of(span, "http.response.header.x-tenant"), "[c]");
}

TEST(HttpSpan, HostileBytesLeaveAsValidUtf8) {
  HttpExchange exchange = exchange_of(Role::kServer);
  exchange.target = "/a\xFF";
  exchange.user_agent = "x\x80y";
  exchange.host = "\x1b[31m";
  const Span span = span_of(exchange, server_socket());
  EXPECT_EQ(text_of(span, "url.path"), "/a\xEF\xBF\xBD");
  EXPECT_EQ(text_of(span, "http.route"), "/{value}");
  EXPECT_EQ(text_of(span, "user_agent.original"), "x\xEF\xBF\xBDy");
  EXPECT_EQ(text_of(span, "server.address"), "10.0.0.1");
}

TEST(HttpSpan, ConnectAndAsterisk) {
  HttpExchange exchange = exchange_of(Role::kClient);
  exchange.method = "CONNECT";
  exchange.target = "secure.example:443";
  Span span = span_of(exchange, client_socket());
  EXPECT_EQ(span.name, "CONNECT");
  EXPECT_EQ(text_of(span, "server.address"), "secure.example");
  EXPECT_EQ(text_of(span, "server.port"), "443");
  EXPECT_EQ(text_of(span, "url.full"), "<absent>");
  EXPECT_EQ(text_of(span, "url.path"), "<absent>");
  exchange = exchange_of(Role::kServer);
  exchange.method = "OPTIONS";
  exchange.target = "*";
  span = span_of(exchange, server_socket());
  EXPECT_EQ(span.name, "OPTIONS");
  EXPECT_EQ(text_of(span, "url.path"), "*");
}

}  // namespace
}  // namespace tacit::semantics
