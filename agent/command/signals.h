// SPDX-License-Identifier: Apache-2.0
// Signals as a descriptor for the loop. Block them before any thread is made.
#pragma once
#include <sys/signalfd.h>

#include <csignal>

#include "agent/base/fd.h"
#include "agent/base/result.h"

namespace tacit::command {

class Signals {
 public:
  // Blocks the signals that ask this process to do something (for its threads too).
  static Result<Signals> block();

  int fd() const { return fd_.get(); }
  signalfd_siginfo read() const;             // ssi_signo 0: there was none
  const sigset_t& before() const { return before_; }  // the mask that a child shall start with

 private:
  Fd fd_;
  sigset_t before_{};
};

// A terminal sends its signals to the whole foreground group, the command included.
inline bool came_from_terminal(const signalfd_siginfo& info) { return info.ssi_code == SI_KERNEL; }

}  // namespace tacit::command
