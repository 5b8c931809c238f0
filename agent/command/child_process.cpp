// SPDX-License-Identifier: Apache-2.0
#include "agent/command/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "agent/base/log.h"

namespace tacit::command {
namespace {

[[noreturn]] void become(std::vector<std::string>& command, const sigset_t& mask,
                         const Variables& variables, int go, int failure) {
  char byte = 0;
  if (::read(go, &byte, 1) != 1) ::_exit(125);  // the agent gave up
  std::vector<char*> argv;
  for (std::string& argument : command) argv.push_back(argument.data());
  argv.push_back(nullptr);
  for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  ::execvp(argv[0], argv.data());
  const int error = errno;
  (void)!::write(failure, &error, sizeof(error));
  ::_exit(error == ENOENT ? 127 : 126);  // as a shell
}

}  // namespace

Result<ChildProcess> ChildProcess::fork(std::vector<std::string> command,
                                        const sigset_t& signal_mask,
                                        const Variables& variables) {
  int go[2], failure[2];
  if (::pipe2(go, O_CLOEXEC) != 0) return fail(fmt::format("pipe: {}", std::strerror(errno)));
  Fd go_read(go[0]), go_write(go[1]);
  if (::pipe2(failure, O_CLOEXEC) != 0) return fail(fmt::format("pipe: {}", std::strerror(errno)));
  Fd failure_read(failure[0]), failure_write(failure[1]);

  ChildProcess child;
  child.name_ = command.front();
  child.pid_ = ::fork();
  if (child.pid_ < 0) return fail(fmt::format("cannot fork: {}", std::strerror(errno)));
  if (child.pid_ == 0) {
    go_write.reset();
    become(command, signal_mask, variables, go_read.get(), failure_write.get());
  }
  child.pid_fd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, child.pid_, 0)));
  if (!child.pid_fd_.valid())
    return fail(fmt::format("pidfd_open: {}; Linux 5.3 or newer is needed", std::strerror(errno)));
  child.go_ = std::move(go_write);
  child.failure_ = std::move(failure_read);
  return child;
}

Result<void> ChildProcess::start() {
  (void)!::write(go_.get(), "x", 1);
  go_.reset();
  int error = 0;
  const ssize_t got = ::read(failure_.get(), &error, sizeof(error));
  failure_.reset();
  if (got <= 0) return {};  // closed by exec
  return fail(fmt::format("cannot start {}: {}", log::escape(name_), std::strerror(error)));
}

int ChildProcess::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace tacit::command
