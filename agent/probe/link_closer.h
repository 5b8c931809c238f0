// SPDX-License-Identifier: Apache-2.0
// Closes uprobe links on threads of its own: the kernel lets each close wait until no CPU can be in the
// probe any more (RCU), 10 to 150 ms, which the loop cannot afford for every process that ends. Several
// wait side by side; but those of perf events one behind the other, and so does who attaches (the
// kernel's event_mutex), so one thread is as fast, and it waits while somebody attaches.
#pragma once
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "agent/probe/uprobe_attacher.h"

namespace tacit::probe {

class LinkCloser {
 public:
  explicit LinkCloser(size_t threads) : wanted_threads_(threads) {}
  ~LinkCloser();  // once all are closed, or left to a child where that takes too long
  LinkCloser(const LinkCloser&) = delete;
  LinkCloser& operator=(const LinkCloser&) = delete;

  // Loop thread.
  void close(UprobeLink link);

  // Descriptors that are still to be closed.
  size_t waiting() const;

  // While it lives, no close begins. Loop thread; the closer outlives it.
  class Pause {
   public:
    explicit Pause(LinkCloser& closer) : closer_(closer) { closer_.set_paused(true); }
    ~Pause() { closer_.set_paused(false); }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    LinkCloser& closer_;
  };

 private:
  void run();
  void set_paused(bool paused);
  bool may_close() const { return ending_ || (!paused_ && !links_.empty()); }

  const size_t wanted_threads_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  UprobeLink links_;                  // guarded by mutex_
  bool paused_ = false;               // guarded by mutex_
  bool ending_ = false;               // guarded by mutex_
  std::vector<std::thread> threads_;  // started at the first link
};

}  // namespace tacit::probe
