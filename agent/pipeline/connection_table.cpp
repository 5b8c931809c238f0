// SPDX-License-Identifier: Apache-2.0
#include "agent/pipeline/connection_table.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "agent/pipeline/actor_of.h"
#include "bpf/events/socket_event.h"

namespace tacit::pipeline {
namespace {

using connection::Direction;
using connection::Family;
using connection::Role;

// As many as the kernel side remembers (bpf/maps/sockets.h).
constexpr size_t kMaxConnections = 65536;
// A muted socket's last records may still be in the ring; after this they are not.
constexpr uint64_t kMutedKeptNs = 10'000'000'000;
// Nothing tells when a unix socket closes, and a TCP socket's close can be lost: idle ones are
// forgotten, and announced anew if they are used after all.
constexpr uint64_t kUnixIdleNs = 120'000'000'000;
constexpr uint64_t kTcpIdleNs = 900'000'000'000;
constexpr uint8_t kTcpClose = 7;  // include/net/tcp_states.h
// Telling the kernel costs two syscalls: only for spans that save more than that.
constexpr int32_t kMinSkipBytes = 128 << 10;

Family family_of(uint16_t family) {
  switch (family) {
    case 2: return Family::kIpv4;   // AF_INET
    case 10: return Family::kIpv6;  // AF_INET6
    case 1: return Family::kUnix;   // AF_UNIX
  }
  return Family::kUnspecified;
}

Role role_of(uint8_t role) {
  if (role == SOCKET_ROLE_SERVER) return Role::kServer;
  if (role == SOCKET_ROLE_CLIENT) return Role::kClient;
  return Role::kUnknown;
}

std::string unix_path_text(std::string_view raw) {
  if (raw.empty()) return {};
  if (raw.front() == '\0') return "@" + std::string(raw.substr(1));  // abstract, as ss(8) shows it
  return std::string(raw.substr(0, raw.find('\0')));
}

}  // namespace

connection::Endpoints make_endpoints(const socket_endpoints& raw, std::string_view unix_path) {
  connection::Endpoints ends;
  ends.family = family_of(raw.family);
  ends.role = role_of(raw.role);
  ends.net_ns = raw.net_ns;
  ends.local.port = raw.local_port;
  ends.remote.port = raw.remote_port;
  std::memcpy(ends.local.bytes.data(), raw.local_address, sizeof(raw.local_address));
  std::memcpy(ends.remote.bytes.data(), raw.remote_address, sizeof(raw.remote_address));
  ends.unix_path = unix_path_text(unix_path);
  return ends;
}

ConnectionTable::ConnectionTable(const protocol::http1::Options& options,
                                 probe::ProbeControl& probes, ExchangeObserver& observer)
    : options_(options), probes_(probes), observer_(observer) {
  connections_.reserve(1024);
}

TrackedConnection* ConnectionTable::find(uint64_t socket_id) {
  if (last_ != nullptr && last_->socket_id == socket_id) return last_;
  const auto found = connections_.find(socket_id);
  if (found == connections_.end()) return nullptr;
  return last_ = found->second.get();
}

void ConnectionTable::erase(uint64_t socket_id) {
  if (last_ != nullptr && last_->socket_id == socket_id) last_ = nullptr;
  connections_.erase(socket_id);
  unix_sockets_.erase(socket_id);
}

TrackedConnection* ConnectionTable::open(const event::SocketOpen& open) {
  const auto& raw = *open.raw;
  if (TrackedConnection* known = find(raw.socket_id)) {  // evicted by the kernel and announced anew
    if (known->http) known->http->finish(raw.header.time_ns);
    erase(raw.socket_id);
  }
  if (connections_.size() >= kMaxConnections) {
    ++counters_.refused;
    probes_.mute(raw.socket_id);
    return nullptr;
  }
  auto made = std::make_unique<TrackedConnection>(
      raw.socket_id, make_endpoints(raw.endpoints, open.unix_path), observer_);
  made->http.emplace(options_, *made, http_counters_, made->endpoints.role, raw.from_start != 0);
  made->http->start_at(raw.receive_position, raw.send_position);
  made->last_ns = raw.header.time_ns;
  made->last_pid = raw.header.pid;
  made->peer_socket_id = raw.peer_socket_id;
  made->origin_ns = raw.origin.time_ns;
  if (made->endpoints.role == Role::kClient && raw.origin.time_ns != 0)
    made->opener = {raw.header.pid, raw.origin.tid, raw.origin.by.task, raw.origin.by.turn};
  if (made->endpoints.family == Family::kUnix) unix_sockets_.insert(raw.socket_id);
  ++counters_.opened;
  last_ = made.get();
  connections_.emplace(raw.socket_id, std::move(made));
  return last_;
}

TrackedConnection* ConnectionTable::data(const event::Data& data) {
  const auto& raw = *data.raw;
  TrackedConnection* tracked = find(raw.socket_id);
  if (tracked == nullptr) {
    ++counters_.unannounced;
    probes_.forget_socket(raw.socket_id);
    return nullptr;
  }
  if (!tracked->http) return nullptr;
  tracked->last_ns = raw.header.time_ns;
  tracked->last_pid = raw.header.pid;
  transfer(*tracked, data);
  if (tracked->endpoints.role == Role::kUnknown) tracked->endpoints.role = tracked->http->role();
  if (tracked->http->is_ignored()) mute(*tracked, raw.header.time_ns);
  return tracked;
}

void ConnectionTable::transfer(TrackedConnection& tracked, const event::Data& data) {
  const auto& raw = *data.raw;
  auto& http = *tracked.http;
  const auto direction = raw.direction == DATA_SEND ? Direction::kSend : Direction::kReceive;
  if (raw.flags & DATA_FLAG_END) {
    http.on_end_of_stream(Direction::kReceive, raw.header.time_ns, raw.position);
  } else if (raw.flags & DATA_FLAG_ERROR) {
    http.on_error(direction, raw.error, raw.header.time_ns, actor_of(raw));
  } else {
    http.on_transfer({.direction = direction,
                      .end = raw.position,
                      .length = raw.total_bytes,
                      .inserted = raw.inserted_bytes,
                      .peer_end = raw.peer_position,
                      .time_ns = raw.header.time_ns,
                      .actor = actor_of(raw),
                      .bytes = data.bytes});
    if (raw.total_bytes >= 2048) skip(tracked, data);  // is_skipped() in bpf/lib/transfer.h
  }
}

void ConnectionTable::skip(TrackedConnection& tracked, const event::Data& data) {
  const auto& raw = *data.raw;
  const auto direction = raw.direction == DATA_SEND ? Direction::kSend : Direction::kReceive;
  const auto until = tracked.http->skip_until(direction);
  if (!until || static_cast<int32_t>(*until - raw.position) < kMinSkipBytes) return;
  uint32_t& told = tracked.skip_until[raw.direction];
  if (told == *until) return;
  told = *until;
  probes_.skip(tracked.socket_id, direction, *until);
}

void ConnectionTable::mute(TrackedConnection& tracked, uint64_t now_ns) {
  probes_.mute(tracked.socket_id);
  tracked.http.reset();
  tracked.last_ns = now_ns;
  ++counters_.muted;
}

void ConnectionTable::close(const event::SocketClose& close) {
  const auto& raw = *close.raw;
  TrackedConnection* tracked = find(raw.socket_id);
  if (tracked == nullptr) return;
  if (tracked->http) {
    auto& http = *tracked->http;
    if (raw.is_final) {
      // Once our FIN was sent the send position counts it; it was told exactly before.
      http.on_close(raw.receive_position, raw.send_position, true, raw.error, raw.header.time_ns);
    } else if (raw.new_state == kTcpClose) {
      tracked->peer_ended = true;  // what came before can still be read
    } else if (!tracked->sending_ended) {
      http.on_end_of_stream(Direction::kSend, raw.header.time_ns, raw.send_position);
      tracked->sending_ended = true;
    }
    tracked->last_ns = raw.header.time_ns;
  }
  if (raw.is_final) {
    if (tracked->skip_until[0] != 0 || tracked->skip_until[1] != 0)
      probes_.forget_socket(raw.socket_id);
    erase(raw.socket_id);
  }
}

void ConnectionTable::process_exited(uint32_t pid, uint64_t time_ns) {
  std::vector<uint64_t> gone;
  for (const uint64_t id : unix_sockets_) {
    const auto found = connections_.find(id);
    if (found == connections_.end() || found->second->last_pid != pid) continue;
    if (found->second->http) found->second->http->finish(time_ns);
    gone.push_back(id);
  }
  for (const uint64_t id : gone) {
    probes_.forget_socket(id);
    erase(id);
  }
}

void ConnectionTable::sweep(uint64_t now_ns) {
  std::vector<uint64_t> gone;
  for (const auto& [id, tracked] : connections_) {
    const uint64_t idle_ns = now_ns > tracked->last_ns ? now_ns - tracked->last_ns : 0;
    if (!tracked->http) {
      if (idle_ns > kMutedKeptNs) gone.push_back(id);
    } else if (tracked->peer_ended && idle_ns > kMutedKeptNs) {
      tracked->http->finish(now_ns);
      probes_.forget_socket(id);
      gone.push_back(id);
    } else if (idle_ns > (unix_sockets_.contains(id) ? kUnixIdleNs : kTcpIdleNs) &&
               tracked->http->active_requests() == 0) {
      probes_.forget_socket(id);
      gone.push_back(id);
    }
  }
  for (const uint64_t id : gone) erase(id);
}

void ConnectionTable::finish(uint64_t now_ns) {
  for (const auto& [id, tracked] : connections_)
    if (tracked->http) tracked->http->finish(now_ns);
  last_ = nullptr;
  connections_.clear();
  unix_sockets_.clear();
}

}  // namespace tacit::pipeline
