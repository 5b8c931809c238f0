// SPDX-License-Identifier: Apache-2.0
// What makes a request the same at both ends of its connection: where its first byte lies. TCP
// connections are told by their addresses, which hold in every network namespace that is not behind
// NAT (loopback addresses: within one namespace), unix sockets by the client's inode; the byte by
// its position in the stream, which for TCP is the sequence number, random for each connection.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "agent/connection/connection.h"

namespace tacit::trace {

// One request's first byte.
struct RequestKey {
  std::array<uint8_t, 16> client{};  // IPv4 as ::ffff:a.b.c.d
  std::array<uint8_t, 16> server{};
  uint16_t client_port = 0;
  uint16_t server_port = 0;
  uint32_t net_ns = 0;       // loopback only
  uint64_t unix_client = 0;  // inode of the client's unix socket
  uint32_t position = 0;

  bool operator==(const RequestKey&) const = default;

  // nullopt: the ends do not tell who is whom. `own_socket` and `peer_socket`: inodes, of unix
  // sockets only.
  static std::optional<RequestKey> make(const connection::Endpoints& ends, uint64_t own_socket,
                                        uint64_t peer_socket, uint32_t position);
};

struct RequestKeyHash {
  size_t operator()(const RequestKey& key) const;
};

}  // namespace tacit::trace
