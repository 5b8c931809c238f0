// SPDX-License-Identifier: Apache-2.0
// The command of `tacit exec`: forked before anything is attached, and let go once it is observed,
// so that its first instruction is seen. Owner and thread: exec_command.
#pragma once
#include <sys/types.h>

#include <csignal>
#include <string>
#include <vector>

#include "agent/base/fd.h"
#include "agent/base/result.h"
#include "agent/command/injection.h"

namespace tacit::command {

class ChildProcess {
 public:
  // Forks; the child waits. The command starts with `signal_mask`, and with `variables` added to
  // this process's environment. Call while this process has one thread.
  static Result<ChildProcess> fork(std::vector<std::string> command, const sigset_t& signal_mask,
                                   const Variables& variables);

  // Lets the child become the command. Error: it could not be started (exit_status() tells how).
  Result<void> start();

  pid_t pid() const { return pid_; }
  int pid_fd() const { return pid_fd_.get(); }  // readable when it has ended
  // Collects the ended child; returns what a shell would: its status, or 128 + signal.
  int wait();

 private:
  pid_t pid_ = -1;
  Fd pid_fd_;
  Fd go_;       // write end: the child waits for a byte
  Fd failure_;  // read end: errno of a failed exec, closed by a good one
  std::string name_;
};

}  // namespace tacit::command
