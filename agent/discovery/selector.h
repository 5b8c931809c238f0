// SPDX-License-Identifier: Apache-2.0
// Decides whether a process is to be observed. Built once from the configuration; const after.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "agent/config/config.h"
#include "agent/discovery/process.h"

namespace tacit::discovery {

class SelectorSet {
 public:
  // `own_pid`: the agent, which is never selected.
  SelectorSet(std::vector<config::Selector> selectors, uint32_t own_pid);

  // The first selector that matches. What was not seen of a process matches no condition on it; an
  // unseen executable is taken from args[0] where that is a path.
  std::optional<size_t> matches(const Process& process) const;

  const config::Selector& at(size_t index) const { return selectors_.at(index); }
  bool empty() const { return selectors_.empty(); }
  bool wants_ports() const;             // a process must be asked for its listeners
  std::vector<uint32_t> pids() const;   // roots of process trees
  uint32_t own_pid() const { return own_pid_; }

 private:
  std::vector<config::Selector> selectors_;
  uint32_t own_pid_;
};

}  // namespace tacit::discovery
