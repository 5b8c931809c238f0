// SPDX-License-Identifier: Apache-2.0
// What tests of parents are told with: connections, actors, requests.
#pragma once
#include <array>
#include <memory>

#include "agent/connection/connection.h"
#include "agent/trace/place.h"

namespace tacit::trace {

inline connection::Endpoints client_end(std::array<uint8_t, 4> client, uint16_t client_port,
                                        std::array<uint8_t, 4> server, uint16_t server_port) {
  connection::Endpoints ends;
  ends.family = connection::Family::kIpv4;
  ends.role = connection::Role::kClient;
  std::copy(client.begin(), client.end(), ends.local.bytes.begin());
  std::copy(server.begin(), server.end(), ends.remote.bytes.begin());
  ends.local.port = client_port;
  ends.remote.port = server_port;
  return ends;
}

inline connection::Endpoints other_end(const connection::Endpoints& ends) {
  connection::Endpoints other = ends;
  std::swap(other.local, other.remote);
  other.role = ends.role == connection::Role::kClient ? connection::Role::kServer
                                                      : connection::Role::kClient;
  return other;
}

inline constexpr uint32_t kPid = 100;

// A thread after `waits` waits for many things and `inputs` inputs since the last of them.
inline connection::Actor on_thread(uint32_t tid, uint32_t waits = 0, uint32_t inputs = 0) {
  return {kPid, tid, 0, uint64_t{waits} << 32 | inputs};
}

inline connection::Actor in_task(uint64_t task, uint32_t tid = 1, uint32_t waits = 0,
                                 uint32_t inputs = 0) {
  return {kPid, tid, task, uint64_t{waits} << 32 | inputs};
}

}  // namespace tacit::trace
