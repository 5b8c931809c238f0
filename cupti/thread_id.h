// SPDX-License-Identifier: Apache-2.0
// The calling thread's id in the process's own pid namespace, asked of the kernel once a thread. Kept
// under a pthread key: a thread_local in a library that is loaded late may not find room.
#pragma once
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace tacit::cupti {

class ThreadIds {
 public:
  ThreadIds() { has_key_ = ::pthread_key_create(&key_, nullptr) == 0; }
  ThreadIds(const ThreadIds&) = delete;
  ThreadIds& operator=(const ThreadIds&) = delete;

  uint32_t current() const {
    if (has_key_)
      if (void* kept = ::pthread_getspecific(key_))
        return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(kept));
    const auto tid = static_cast<uint32_t>(::syscall(SYS_gettid));
    if (has_key_) ::pthread_setspecific(key_, reinterpret_cast<void*>(uintptr_t{tid}));
    return tid;
  }

 private:
  pthread_key_t key_{};
  bool has_key_ = false;
};

}  // namespace tacit::cupti
