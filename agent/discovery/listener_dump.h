// SPDX-License-Identifier: Apache-2.0
// The listening TCP sockets of the agent's own network namespace, asked from the kernel by
// sock_diag(7): microseconds, where /proc/net/tcp walks the table of all connections.
#pragma once
#include <cstdint>
#include <map>
#include <optional>

namespace tacit::discovery {

// Inode of the socket → port, v4 and v6. nullopt: this kernel has no sock_diag for TCP.
std::optional<std::map<uint64_t, uint16_t>> dump_listeners();

}  // namespace tacit::discovery
