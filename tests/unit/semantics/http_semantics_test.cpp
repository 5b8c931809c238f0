// SPDX-License-Identifier: Apache-2.0
#include "agent/semantics/http_semantics.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/unit/semantics/exchange_samples.h"

namespace tacit::semantics {
namespace {

using connection::Role;
using protocol::Outcome;
using telemetry::SpanKind;

struct HttpSemanticsTest : testing::Test {
  HttpSemantics semantics{config::Config{}};
  protocol::HttpExchange server = exchange_of(Role::kServer);
  protocol::HttpExchange client = exchange_of(Role::kClient);

  HttpCall served() { return semantics.describe(server, server_socket(), 1); }
  HttpCall called() { return semantics.describe(client, client_socket(), 1); }
};

TEST_F(HttpSemanticsTest, Server) {
  const HttpCall call = served();
  EXPECT_EQ(call.kind, SpanKind::kServer);
  EXPECT_EQ(call.method, "GET");
  EXPECT_EQ(call.method_original, "");
  EXPECT_EQ(call.scheme, "http");
  EXPECT_EQ(call.route, "/items/{id}");
  EXPECT_EQ(call.target.path, "/items/17");
  EXPECT_EQ(call.status, 200);
  EXPECT_EQ(call.error_type, "");
  EXPECT_EQ(call.protocol_version, "1.1");
  EXPECT_EQ(call.server_address, "api.example");
  EXPECT_EQ(call.server_port, 8080);
  EXPECT_EQ(call.start_ns, 1'000'000'000u);
  EXPECT_EQ(call.duration_ns, 300'000'000u);
  EXPECT_EQ(call.request_body_bytes, 0);
  EXPECT_EQ(call.response_body_bytes, 42);
}

TEST_F(HttpSemanticsTest, ClientHasNoRoute) {
  const HttpCall call = called();
  EXPECT_EQ(call.kind, SpanKind::kClient);
  EXPECT_EQ(call.route, "");
  EXPECT_EQ(call.route_id, 0u);
  EXPECT_EQ(call.server_address, "api.example");
}

TEST_F(HttpSemanticsTest, RoleFallsBackToTheSocketAndIsNeverInvented) {
  server.role = Role::kUnknown;
  EXPECT_EQ(served().kind, SpanKind::kServer);
  EXPECT_EQ(semantics.describe(server, {}, 1).kind, SpanKind::kInternal);
}

TEST_F(HttpSemanticsTest, MethodsAreCaseSensitive) {
  for (const char* method :
       {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}) {
    server.method = method;
    EXPECT_EQ(served().method, method);
  }
  for (const char* method : {"get", "PROPFIND", "", "GETX"}) {
    server.method = method;
    EXPECT_EQ(served().method, "_OTHER");
    EXPECT_EQ(served().method_original, method);
  }
}

TEST_F(HttpSemanticsTest, ServerNameComesFromTargetThenHostThenSocket) {
  server.target = "http://user:pw@target.example/x";
  EXPECT_EQ(served().server_address, "target.example");
  EXPECT_EQ(served().server_port, 80);
  server.target = "/x";
  server.host = "user:pw@plain.example";
  EXPECT_EQ(served().server_address, "plain.example");
  EXPECT_EQ(served().server_port, 8000);  // the socket's
  server.host = "";
  EXPECT_EQ(served().server_address, "10.0.0.1");
  server.host = "bad host";
  EXPECT_EQ(served().server_address, "10.0.0.1");
  client.host = "";
  EXPECT_EQ(called().server_address, "10.0.0.1");
  EXPECT_EQ(called().server_port, 8000);
}

TEST_F(HttpSemanticsTest, UnixSocket) {
  connection::Endpoints endpoints;
  endpoints.family = connection::Family::kUnix;
  endpoints.role = Role::kServer;
  endpoints.unix_path = "/run/app.sock";
  server.host = "";
  const HttpCall call = semantics.describe(server, endpoints, 1);
  EXPECT_EQ(call.server_address, "/run/app.sock");
  EXPECT_EQ(call.server_port, 0);
}

TEST_F(HttpSemanticsTest, SchemeOfTheAbsoluteForm) {
  client.target = "HTTPS://host/x";
  EXPECT_EQ(called().scheme, "https");
  EXPECT_EQ(called().server_port, 443);
}

TEST_F(HttpSemanticsTest, StatusErrors) {
  server.status = client.status = 404;
  EXPECT_EQ(served().error_type, "");
  EXPECT_EQ(called().error_type, "404");
  server.status = client.status = 500;
  EXPECT_EQ(served().error_type, "500");
  EXPECT_EQ(called().error_type, "500");
  server.status = client.status = 399;
  EXPECT_EQ(called().error_type, "");
}

TEST_F(HttpSemanticsTest, TransportErrors) {
  client.status = 0;
  client.outcome = Outcome::kReset;
  client.error_number = ECONNRESET;
  EXPECT_EQ(called().error_type, "ECONNRESET");
  client.error_number = EPIPE;
  EXPECT_EQ(called().error_type, "EPIPE");
  client.error_number = 0;
  EXPECT_EQ(called().error_type, "reset");
  client.error_number = 9999;
  EXPECT_EQ(called().error_type, "_OTHER");
  client.outcome = Outcome::kNoResponse;
  EXPECT_EQ(called().error_type, "no_response");
  client.outcome = Outcome::kTruncated;
  client.status = 200;
  EXPECT_EQ(called().error_type, "truncated");
  client.outcome = Outcome::kProtocolError;
  EXPECT_EQ(called().error_type, "protocol_error");
  server.outcome = Outcome::kClientAborted;
  EXPECT_EQ(served().error_type, "client_aborted");
  server.status = 503;
  EXPECT_EQ(served().error_type, "503");
}

TEST_F(HttpSemanticsTest, AnUnseenEndIsNoError) {
  server.outcome = Outcome::kUnknown;
  server.status = 0;
  const HttpCall call = served();
  EXPECT_EQ(call.error_type, "");
  EXPECT_EQ(call.response_body_bytes, -1);
}

TEST_F(HttpSemanticsTest, UnknownSizesStayUnknown) {
  server.request_body_known = false;
  server.response_body_known = false;
  EXPECT_EQ(served().request_body_bytes, -1);
  EXPECT_EQ(served().response_body_bytes, -1);
}

TEST_F(HttpSemanticsTest, TimesAreNeverNegative) {
  server.end_ns = 5;
  EXPECT_EQ(served().duration_ns, 0u);
  server.request_first_ns = server.request_last_ns = 0;
  server.end_ns = 1'300'000'000;
  EXPECT_EQ(served().start_ns, server.response_first_ns);
  const HttpCall empty = semantics.describe(protocol::HttpExchange{}, server_socket(), 1);
  EXPECT_EQ(empty.start_ns, 0u);
  EXPECT_EQ(empty.duration_ns, 0u);
}

TEST_F(HttpSemanticsTest, TargetsWithoutAPathHaveNoRoute) {
  server.method = "OPTIONS";
  server.target = "*";
  EXPECT_EQ(served().route, "");
  server.method = "CONNECT";
  server.target = "other.example:443";
  EXPECT_EQ(served().route, "");
  EXPECT_EQ(served().server_address, "other.example");
  EXPECT_EQ(served().server_port, 443);
}

}  // namespace
}  // namespace tacit::semantics
