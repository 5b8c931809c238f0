// SPDX-License-Identifier: Apache-2.0
#include "agent/semantics/connect_failure.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "tests/unit/semantics/exchange_samples.h"

namespace tacit::semantics {
namespace {

connection::Endpoints target() {
  connection::Endpoints endpoints = client_socket();
  endpoints.remote = ipv4(127, 0, 0, 1, 5001);
  return endpoints;
}

TEST(ConnectFailure, Refused) {
  const telemetry::Span span = describe_connect_failure(target(), ECONNREFUSED, 100, 350, 1000);
  EXPECT_EQ(span.name, "connect");
  EXPECT_EQ(span.kind, telemetry::SpanKind::kClient);
  EXPECT_EQ(span.start_unix_ns, 1100u);
  EXPECT_EQ(span.end_unix_ns, 1350u);
  EXPECT_EQ(span.status, telemetry::StatusCode::kError);
  EXPECT_EQ(span.status_message, "connection refused by 127.0.0.1:5001");
  EXPECT_EQ(span.attributes.size(), 6u);
  EXPECT_EQ(text_of(span, "server.address"), "127.0.0.1");
  EXPECT_EQ(text_of(span, "server.port"), "5001");
  EXPECT_EQ(text_of(span, "network.peer.address"), "127.0.0.1");
  EXPECT_EQ(text_of(span, "network.peer.port"), "5001");
  EXPECT_EQ(text_of(span, "network.transport"), "tcp");
  EXPECT_EQ(text_of(span, "error.type"), "ECONNREFUSED");
}

TEST(ConnectFailure, Messages) {
  const auto message = [](int error) {
    return describe_connect_failure(target(), error, 1, 2, 0).status_message;
  };
  EXPECT_EQ(message(ETIMEDOUT), "connecting to 127.0.0.1:5001 timed out");
  EXPECT_EQ(message(EHOSTUNREACH), "host unreachable: 127.0.0.1:5001");
  EXPECT_EQ(message(EACCES), "connecting to 127.0.0.1:5001 failed: Permission denied");
  EXPECT_EQ(message(9999), "connecting to 127.0.0.1:5001 failed: error 9999");
}

TEST(ConnectFailure, GivenUp) {
  const telemetry::Span span = describe_connect_failure(target(), 0, 350, 100, 0);
  EXPECT_EQ(text_of(span, "error.type"), "connect_aborted");
  EXPECT_EQ(span.status_message, "the process gave up connecting to 127.0.0.1:5001");
  EXPECT_EQ(span.end_unix_ns, span.start_unix_ns);
}

TEST(ConnectFailure, UnixAndIpv6) {
  connection::Endpoints endpoints;
  endpoints.family = connection::Family::kUnix;
  endpoints.unix_path = "/run/none.sock";
  telemetry::Span span = describe_connect_failure(endpoints, ENOENT, 1, 2, 0);
  EXPECT_EQ(span.status_message, "connecting to /run/none.sock failed: No such file or directory");
  EXPECT_EQ(text_of(span, "network.transport"), "unix");
  EXPECT_EQ(text_of(span, "network.peer.address"), "/run/none.sock");
  endpoints = target();
  endpoints.family = connection::Family::kIpv6;
  endpoints.remote.bytes = {};
  endpoints.remote.bytes[15] = 1;
  span = describe_connect_failure(endpoints, ECONNREFUSED, 1, 2, 0);
  EXPECT_EQ(span.status_message, "connection refused by [::1]:5001");
}

}  // namespace
}  // namespace tacit::semantics
