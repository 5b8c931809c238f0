// SPDX-License-Identifier: Apache-2.0
// An ordinary exchange of each side, to be varied by the tests of this room.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>

#include "agent/connection/connection.h"
#include "agent/protocol/exchange.h"
#include "agent/telemetry/span.h"

namespace tacit::semantics {

inline connection::Address ipv4(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint16_t port) {
  connection::Address address;
  address.bytes = {a, b, c, d};
  address.port = port;
  return address;
}

inline connection::Endpoints server_socket() {
  connection::Endpoints endpoints;
  endpoints.family = connection::Family::kIpv4;
  endpoints.role = connection::Role::kServer;
  endpoints.local = ipv4(10, 0, 0, 1, 8000);
  endpoints.remote = ipv4(10, 0, 0, 9, 40123);
  return endpoints;
}

inline connection::Endpoints client_socket() {
  connection::Endpoints endpoints;
  endpoints.family = connection::Family::kIpv4;
  endpoints.role = connection::Role::kClient;
  endpoints.local = ipv4(10, 0, 0, 9, 40123);
  endpoints.remote = ipv4(10, 0, 0, 1, 8000);
  return endpoints;
}

inline protocol::HttpExchange exchange_of(connection::Role role) {
  protocol::HttpExchange exchange;
  exchange.role = role;
  exchange.outcome = protocol::Outcome::kComplete;
  exchange.method = "GET";
  exchange.target = "/items/17?token=abc&q=1";
  exchange.host = "api.example:8080";
  exchange.user_agent = "curl/8.0";
  exchange.status = 200;
  exchange.response_body_bytes = 42;
  exchange.request_first_ns = 1'000'000'000;
  exchange.request_last_ns = 1'000'100'000;
  exchange.response_first_ns = 1'250'100'000;
  exchange.response_last_ns = 1'300'000'000;
  exchange.end_ns = 1'300'000'000;
  return exchange;
}

// The value of an attribute as text; "<absent>" where there is none, "<twice>" where it is doubled.
inline std::string text_of(const telemetry::Span& span, std::string_view key) {
  const auto is_key = [&](const telemetry::Attribute& a) { return a.key == key; };
  const auto found = std::find_if(span.attributes.begin(), span.attributes.end(), is_key);
  if (found == span.attributes.end()) return "<absent>";
  if (std::count_if(span.attributes.begin(), span.attributes.end(), is_key) != 1) return "<twice>";
  if (const auto* text = std::get_if<std::string>(&found->value)) return *text;
  if (const auto* number = std::get_if<int64_t>(&found->value)) return std::to_string(*number);
  if (const auto* real = std::get_if<double>(&found->value)) return std::to_string(*real);
  if (const auto* list = std::get_if<std::vector<std::string>>(&found->value)) {
    std::string joined;
    for (const std::string& one : *list) joined += (joined.empty() ? "" : "|") + one;
    return "[" + joined + "]";
  }
  return std::get<bool>(found->value) ? "true" : "false";
}

}  // namespace tacit::semantics
