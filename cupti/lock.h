// SPDX-License-Identifier: Apache-2.0
// A pthread mutex and its guard: the standard library's would need the standard library at run time.
#pragma once
#include <pthread.h>

namespace tacit::cupti {

class Lock {
 public:
  Lock() = default;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  friend class Locked;
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;
};

class Locked {
 public:
  explicit Locked(Lock& lock) : lock_(lock) { ::pthread_mutex_lock(&lock_.mutex_); }
  ~Locked() { ::pthread_mutex_unlock(&lock_.mutex_); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  Lock& lock_;
};

}  // namespace tacit::cupti
