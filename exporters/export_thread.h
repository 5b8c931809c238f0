// SPDX-License-Identifier: Apache-2.0
// Starts the threads of this room. All signals are blocked in them: the loop's signalfd gets the
// process's signals, and a write to a closed pipe or socket gives EPIPE instead of SIGPIPE.
#pragma once
#include <pthread.h>
#include <signal.h>

#include <string>
#include <thread>
#include <utility>

namespace tacit::exporters {

// Blocks all signals in this thread, and so in every thread it starts, for one scope.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// `name` as shown by ps and gdb; the kernel keeps 15 characters.
template <typename Work>
std::thread start_export_thread(const std::string& name, Work work) {
  const SignalsBlocked blocked;
  std::thread thread(std::move(work));
  ::pthread_setname_np(thread.native_handle(), name.substr(0, 15).c_str());
  return thread;
}

}  // namespace tacit::exporters
