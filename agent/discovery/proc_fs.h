// SPDX-License-Identifier: Apache-2.0
// Reads /proc, or a tree that looks like it (tests). Processes vanish at any moment and control
// most of what stands there, so every answer may be empty and every size is bounded. Loop thread.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/discovery/process.h"

namespace tacit::discovery {

struct ProcStat {
  std::string comm;
  uint32_t parent_pid = 0;
  uint64_t start_ticks = 0;
};

// Listening TCP sockets of network namespaces, read once per namespace: inode of the socket → port.
// Keep one for the length of a scan, no longer.
using ListenerTables = std::map<std::string, std::map<uint64_t, uint16_t>>;

class ProcFs {
 public:
  explicit ProcFs(std::string root = "/proc");

  std::vector<uint32_t> pids() const;  // ascending
  std::optional<ProcStat> stat(uint32_t pid) const;
  std::string exe(uint32_t pid) const;  // without " (deleted)"; empty for kernel threads
  std::string cwd(uint32_t pid) const;
  std::vector<std::string> args(uint32_t pid) const;
  EnvironmentSubset environment(uint32_t pid) const;
  std::string cgroup_text(uint32_t pid) const;  // /proc/PID/cgroup as it is
  // Ports of listening TCP sockets among the process's descriptors, ascending.
  std::vector<uint16_t> listening_ports(uint32_t pid, ListenerTables& tables) const;
  bool is_go(uint32_t pid) const;  // the executable has a .go.buildinfo section

  // A regular file as the process sees it: `path` is absolute and resolved inside the process's
  // root, links included. nullopt: absent, not a regular file, or larger than `limit`.
  std::optional<std::string> read_inside(uint32_t pid, const std::string& path,
                                         size_t limit) const;

 private:
  std::string path(uint32_t pid, std::string_view name) const;
  std::map<uint64_t, uint16_t> listeners(uint32_t pid, bool own_name_space) const;

  std::string root_;
  std::string own_net_ns_;  // of the agent; empty in a made-up tree
};

// NUL-separated strings, as /proc/PID/cmdline and exec events hold them. At most 1024 pieces.
std::vector<std::string> split_nul(std::string_view bytes);

EnvironmentSubset pick_environment(std::string_view nul_separated);

// Reads at most `limit` bytes; nullopt where the file cannot be opened.
std::optional<std::string> read_at_most(const std::string& path, size_t limit);

}  // namespace tacit::discovery
