// SPDX-License-Identifier: Apache-2.0
// The observed processes of this host. Fed by the kernel's fork, exec, exit and listen events plus
// one scan of /proc; completes from /proc what events do not carry. One owner, loop thread.
// Pointers to a Process hold until the next call that is not const.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/discovery/image_reader.h"
#include "agent/discovery/proc_fs.h"
#include "agent/discovery/process.h"
#include "agent/discovery/selector.h"

namespace tacit::discovery {

// What an event means for the probes.
struct Verdict {
  const Process* process = nullptr;  // null: not observed
  bool follow = false;               // tell the probes to follow process->pid(), maybe again
  bool unfollow = false;             // they follow the event's pid, and no selector matches it now
};

class ProcessTable {
 public:
  // `service_name`: config.service_name. A pid selector means the process that has this pid now.
  ProcessTable(ProcFs proc, SelectorSet selectors, std::string service_name);
  ProcessTable(const ProcessTable&) = delete;
  ProcessTable& operator=(const ProcessTable&) = delete;

  // Reads /proc and returns what is newly observed. Children that were forked between a scan and
  // the following of their parent are found by scanning once more after following.
  std::vector<const Process*> scan();

  Verdict on_exec(const ExecFacts& facts);
  // Null only where the table is full. The child has its parent's image and selector.
  const Process* on_fork(uint32_t parent_pid, uint32_t child_pid, uint64_t child_start_time_ns);
  // `exit_code` as wait(2) reports it; `time_ns` CLOCK_MONOTONIC.
  void on_exit(uint32_t pid, uint64_t start_time_ns, uint32_t exit_code, uint64_t time_ns);
  Verdict on_listen(uint32_t pid, uint16_t port);

  // The process that has, or last had, this pid.
  const Process* find(uint32_t pid) const;
  // The same, and where it is unknown (its event was lost) what /proc shows. For pids of data
  // events, whose process is followed for certain. Null where it is gone or the table is full.
  const Process* resolve(uint32_t pid);

  // Forgets what exited more than 10 s before `now_ns` (CLOCK_MONOTONIC).
  void sweep(uint64_t now_ns);
  // Takes as exited what /proc no longer shows: for exit events that were lost. Reads one file a
  // process, so once a minute or so.
  void verify(uint64_t now_ns);

  std::vector<const Process*> running() const;
  size_t size() const { return processes_.size(); }
  uint64_t refused() const { return refused_; }  // not taken because the table was full

 private:
  uint64_t ticks(uint64_t boot_ns) const { return boot_ns / ns_per_tick_; }
  bool is_root(const ProcessKey& key) const;
  std::vector<uint32_t> roots_by_ancestry(const ProcessKey& key, uint32_t parent_pid) const;
  std::vector<uint32_t> inherited_roots(const ProcessKey& key, const Process* from) const;
  std::shared_ptr<const ProcessImage> parent_image(uint32_t parent_pid);
  void read_ports(Process& process, ListenerTables& tables) const;
  Process candidate(const ProcessKey& key, uint32_t parent_pid);
  const Process* observe(Process process, std::shared_ptr<ProcessImage> image,
                         const ExecFacts* facts, bool alive, const ProcessImage* before);
  bool select(Process& process);
  Process* insert(Process process);
  void forget(uint32_t pid);

  ProcFs proc_;
  SelectorSet selectors_;
  ImageReader images_;
  std::vector<ProcessKey> roots_;  // of pid selectors
  std::unordered_map<uint32_t, std::unique_ptr<Process>> processes_;
  std::deque<ProcessKey> exited_;  // in order
  uint64_t ns_per_tick_;
  uint64_t last_revision_ = 0;
  uint64_t refused_ = 0;
};

}  // namespace tacit::discovery
