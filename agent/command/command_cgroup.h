// SPDX-License-Identifier: Apache-2.0
// A cgroup (v2) of its own for the command of `tacit exec`, so that what is attached there concerns
// the command and its children alone. Made where trace contexts are carried. Owner and thread:
// exec_command.
#pragma once
#include <sys/types.h>

#include <string>

#include "agent/base/result.h"

namespace tacit::command {

class CommandCgroup {
 public:
  // Makes it below the agent's own cgroup and moves the process, which has not begun, there.
  static Result<CommandCgroup> make(pid_t pid);
  CommandCgroup(CommandCgroup&& other) noexcept;
  CommandCgroup& operator=(CommandCgroup&&) = delete;
  // Removes it; what still runs of the command goes back to where the agent is.
  ~CommandCgroup();

 private:
  CommandCgroup(std::string parent, std::string directory);
  std::string parent_;
  std::string directory_;
};

}  // namespace tacit::command
