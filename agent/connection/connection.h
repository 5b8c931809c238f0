// SPDX-License-Identifier: Apache-2.0
// What is known of one stream socket, and one transfer on it. Values; loop thread.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace tacit::connection {

enum class Direction : uint8_t { kReceive = 0, kSend = 1 };
enum class Role : uint8_t { kUnknown = 0, kServer = 1, kClient = 2 };
enum class Family : uint8_t { kUnspecified, kIpv4, kIpv6, kUnix };

inline Direction opposite(Direction d) {
  return d == Direction::kReceive ? Direction::kSend : Direction::kReceive;
}

struct Address {
  std::array<uint8_t, 16> bytes{};  // network byte order; the first 4 for IPv4
  uint16_t port = 0;                // host byte order
};

// Both ends as the observed process sees them.
struct Endpoints {
  Family family = Family::kUnspecified;
  Role role = Role::kUnknown;
  Address local;
  Address remote;
  uint32_t net_ns = 0;
  std::string unix_path;  // of the listening end; "@name" where abstract; empty where unnamed
};

// Who made a transfer: bpf/events/task.h tells what task and turn are.
struct Actor {
  uint32_t pid = 0;
  uint32_t tid = 0;
  uint64_t task = 0;  // what the language runtime was running there; 0: unknown
  uint64_t turn = 0;  // equal: the thread was given nothing in between

  // How often the thread had waited for many things at once.
  uint32_t waits() const { return static_cast<uint32_t>(turn >> 32); }
};

// One transfer: [end - length, end) of its direction's stream, positions modulo 2^32. `inserted`
// bytes in front of it belong to it, but are not the process's and not seen here: the agent's header.
struct Transfer {
  Direction direction = Direction::kReceive;
  uint32_t end = 0;
  uint32_t length = 0;
  uint32_t inserted = 0;
  // How far the other direction had come at the same moment: what lies beyond it can neither have
  // caused this transfer nor have been caused by it.
  uint32_t peer_end = 0;
  uint64_t time_ns = 0;  // CLOCK_MONOTONIC
  Actor actor;
  std::span<const std::byte> bytes;  // the first ones; may be shorter than length, or empty

  uint32_t begin() const { return end - length - inserted; }
};

}  // namespace tacit::connection
