// SPDX-License-Identifier: Apache-2.0
// Closes uprobe links on threads of its own: the kernel lets each close wait until no CPU can be in the
// probe any more (RCU), 10 to 50 ms, which the loop cannot afford for every process that ends. Several
// wait side by side.
#pragma once
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "agent/probe/uprobe_attacher.h"

namespace tacit::probe {

class LinkCloser {
 public:
  LinkCloser() = default;
  ~LinkCloser();  // once all are closed
  LinkCloser(const LinkCloser&) = delete;
  LinkCloser& operator=(const LinkCloser&) = delete;

  // Loop thread.
  void close(UprobeLink link);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<UprobeLink> links_;     // guarded by mutex_
  bool ending_ = false;               // guarded by mutex_
  std::vector<std::thread> threads_;  // started at the first link
};

}  // namespace tacit::probe
