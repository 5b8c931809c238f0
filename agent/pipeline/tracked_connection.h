// SPDX-License-Identifier: Apache-2.0
// One stream socket of an observed process and what is understood of it. Owned by ConnectionTable;
// loop thread.
#pragma once
#include <cstdint>
#include <optional>

#include "agent/connection/connection.h"
#include "agent/protocol/http1/http1_connection.h"
#include "agent/telemetry/resource.h"
#include "agent/trace/place.h"

namespace tacit::pipeline {

class TrackedConnection;

// Where finished exchanges go, with the connection they were seen on.
class ExchangeObserver {
 public:
  virtual ~ExchangeObserver() = default;
  virtual void on_request(TrackedConnection& connection, protocol::HttpExchange& exchange) = 0;
  virtual void on_exchange(TrackedConnection& connection, protocol::HttpExchange& exchange) = 0;
};

class TrackedConnection final : public protocol::http1::ExchangeSink {
 public:
  TrackedConnection(uint64_t socket, connection::Endpoints ends, ExchangeObserver& observer)
      : socket_id(socket), endpoints(std::move(ends)), observer_(observer) {}

  void on_request(protocol::HttpExchange& exchange) override {
    observer_.on_request(*this, exchange);
  }
  void on_exchange(protocol::HttpExchange& exchange) override {
    observer_.on_exchange(*this, exchange);
  }

  const uint64_t socket_id;
  connection::Endpoints endpoints;
  std::optional<protocol::http1::Http1Connection> http;  // empty: muted, nothing more to learn
  uint64_t last_ns = 0;      // its last event, or when it was muted
  uint32_t last_pid = 0;     // who made the last transfer
  bool sending_ended = false;  // our FIN was seen: later positions count it as a byte
  bool peer_ended = false;  // by FIN or reset, with bytes still unread: they may be, for a while
  uint32_t skip_until[2] = {};  // what the kernel was told last
  // Requests being served, and whose they were counted as: theirs when the first of them began.
  uint32_t active_requests = 0;
  telemetry::ResourcePtr active_resource;
  // Attempts at other addresses that failed just before this one succeeded (IPv6, then IPv4).
  uint32_t failed_attempts = 0;

  // What tells who caused its requests.
  uint64_t peer_socket_id = 0;  // unix sockets: the other end; 0: not known
  uint64_t origin_ns = 0;       // connected or accepted; 0: not seen
  connection::Actor opener;     // of a client, until its first request
  trace::PlacePtr served;       // the newest request that was read here
  trace::PlacePtr sent;         // the newest request that was sent here

  // The resource of whoever served or sent the last exchange.
  telemetry::ResourcePtr resource;
  uint64_t resource_key = 0;  // Process::revision it was made of
  uint64_t service_key = 0;   // RouteLearner's, of its service's name

 private:
  ExchangeObserver& observer_;
};

}  // namespace tacit::pipeline
