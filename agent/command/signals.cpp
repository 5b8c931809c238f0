// SPDX-License-Identifier: Apache-2.0
#include "agent/command/signals.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tacit::command {

Result<Signals> Signals::block() {
  Signals signals;
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH})
    ::sigaddset(&set, number);
  ::sigprocmask(SIG_BLOCK, &set, &signals.before_);
  ::signal(SIGPIPE, SIG_IGN);  // a reader of our output that goes away must not end the agent
  signals.fd_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals.fd_.valid()) return fail(fmt::format("signalfd: {}", std::strerror(errno)));
  return signals;
}

signalfd_siginfo Signals::read() const {
  signalfd_siginfo info{};
  if (::read(fd_.get(), &info, sizeof(info)) != sizeof(info)) info.ssi_signo = 0;
  return info;
}

}  // namespace tacit::command
