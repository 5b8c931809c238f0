// SPDX-License-Identifier: Apache-2.0
// A connection under test, with both directions' positions and a clock that ticks 10 ns a step.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "agent/protocol/http1/http1_connection.h"

namespace tacit::protocol::http1 {

using connection::Direction;
using connection::Role;
using connection::Transfer;

class Wire : public ExchangeSink {
 public:
  explicit Wire(Role role, bool from_start = true, Options o = {})
      : options(std::move(o)), http(options, *this, counters, role, from_start) {}

  void on_exchange(HttpExchange& exchange) override { exchanges.push_back(exchange); }

  // A transfer at the present positions, as the kernel would report it.
  Transfer next(Direction d, std::string_view text) {
    Transfer t;
    t.direction = d;
    t.length = static_cast<uint32_t>(text.size());
    t.end = position(d) += t.length;
    t.peer_end = position(connection::opposite(d));
    t.time_ns = now += 10;
    t.actor = {.pid = 7, .tid = thread};
    t.bytes = std::as_bytes(std::span(text.data(), text.size()));
    return t;
  }
  void transfer(Direction d, std::string_view text) { http.on_transfer(next(d, text)); }
  void receive(std::string_view text) { transfer(Direction::kReceive, text); }
  void send(std::string_view text) { transfer(Direction::kSend, text); }
  // Bytes that pass without a report.
  void lose(Direction d, size_t bytes) { position(d) += static_cast<uint32_t>(bytes); }
  // A report of a length without bytes.
  void length_only(Direction d, uint32_t length) {
    Transfer t = next(d, "");
    t.length = length;
    t.end = position(d) += length;
    http.on_transfer(t);
  }
  void end(Direction d) { http.on_end_of_stream(d, now += 10); }
  void fail(Direction d, int error_number) {
    http.on_error(d, error_number, now += 10, {.pid = 7, .tid = thread});
  }
  void close(int error_number = 0) {
    http.on_close(position(Direction::kReceive), position(Direction::kSend), true, error_number,
                  now += 10);
  }
  uint32_t& position(Direction d) { return positions[static_cast<size_t>(d)]; }

  Options options;
  Counters counters;
  std::vector<HttpExchange> exchanges;
  uint32_t positions[2] = {1000, 0xFFFFFFF0};  // sending wraps soon
  uint64_t now = 0;
  uint32_t thread = 7;
  Http1Connection http;
};

inline constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
inline constexpr std::string_view kGet2 = "GET /b HTTP/1.1\r\nHost: h\r\n\r\n";
inline constexpr std::string_view kGet3 = "GET /c HTTP/1.1\r\nHost: h\r\n\r\n";
inline constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
inline constexpr std::string_view kCreated = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
inline constexpr std::string_view kNotFound = "HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\nnil";

}  // namespace tacit::protocol::http1
