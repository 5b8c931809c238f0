// SPDX-License-Identifier: Apache-2.0
// Threads as a process names them → as the host does: the two differ in pid namespaces (containers).
// From the NSpid lines of /proc (proc(5)). Loop thread.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>

namespace tacit::gpu {

class ThreadIds {
 public:
  explicit ThreadIds(std::string proc_root) : root_(std::move(proc_root)) {}

  // 0: no such thread is known. Reads /proc at most once a second a process, for threads not seen yet.
  uint32_t host_tid(uint32_t pid, uint32_t own_tid, uint64_t now_ns);
  void forget(uint32_t pid) { processes_.erase(pid); }

 private:
  struct Process {
    bool known = false;
    bool same_names = false;  // it is in the host's namespace
    uint64_t next_read_ns = 0;
    std::unordered_map<uint32_t, uint32_t> threads;  // own → host
  };
  void read(uint32_t pid, Process& process) const;

  std::string root_;
  std::unordered_map<uint32_t, Process> processes_;
};

}  // namespace tacit::gpu
