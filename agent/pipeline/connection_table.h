// SPDX-License-Identifier: Apache-2.0
// Socket events → the right connection's parser. Bounded; loop thread.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "agent/event/event.h"
#include "agent/pipeline/tracked_connection.h"
#include "agent/probe/probe_control.h"

namespace tacit::pipeline {

struct ConnectionCounters {
  uint64_t opened = 0;
  uint64_t unannounced = 0;  // transfers of sockets whose announcement was lost
  uint64_t refused = 0;      // sockets not tracked because the table was full
  uint64_t muted = 0;        // sockets that carry no HTTP (any more)
};

// Both ends as the kernel reported them. `unix_path`: as in the event, not cleaned.
connection::Endpoints make_endpoints(const socket_endpoints& raw, std::string_view unix_path);

class ConnectionTable {
 public:
  // All references must outlive it.
  ConnectionTable(const protocol::http1::Options& options, probe::ProbeControl& probes,
                  ExchangeObserver& observer);

  // Returns the connection, or nullptr where the table is full.
  TrackedConnection* open(const event::SocketOpen& open);
  // The connection that had this transfer, nullptr where there is none (any more).
  TrackedConnection* data(const event::Data& data);
  void close(const event::SocketClose& close);
  // Its unix sockets end unseen (no state change tells): what is open leaves as unknown.
  void process_exited(uint32_t pid, uint64_t time_ns);
  // Removes what was idle or muted for long. Call about once a second.
  void sweep(uint64_t now_ns);
  // The agent stops: every open exchange leaves as unknown.
  void finish(uint64_t now_ns);

  size_t size() const { return connections_.size(); }
  const ConnectionCounters& counters() const { return counters_; }
  const protocol::http1::Counters& http_counters() const { return http_counters_; }

 private:
  TrackedConnection* find(uint64_t socket_id);
  void erase(uint64_t socket_id);
  void transfer(TrackedConnection& tracked, const event::Data& data);
  void mute(TrackedConnection& tracked, uint64_t now_ns);
  void skip(TrackedConnection& tracked, const event::Data& data);

  const protocol::http1::Options& options_;
  probe::ProbeControl& probes_;
  ExchangeObserver& observer_;
  std::unordered_map<uint64_t, std::unique_ptr<TrackedConnection>> connections_;
  std::unordered_set<uint64_t> unix_sockets_;  // of connections_
  TrackedConnection* last_ = nullptr;  // most transfers follow one on the same socket
  ConnectionCounters counters_;
  protocol::http1::Counters http_counters_;
};

}  // namespace tacit::pipeline
