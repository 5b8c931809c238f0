// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/link_closer.h"

#include <fmt/format.h>

#include <utility>

#include "agent/base/log.h"
#include "agent/probe/link_heir.h"

namespace tacit::probe {
namespace {

// Perf events of some hundred places take many seconds.
constexpr size_t kTooManyToWaitFor = 100;

}  // namespace

LinkCloser::~LinkCloser() {
  {
    const std::lock_guard lock(mutex_);
    if (links_.size() > kTooManyToWaitFor) {
      log::info(fmt::format("this kernel detaches {} uprobes one after the other: that goes on in the "
                            "background (process tacit-detach)", links_.size()));
      leave_to_heir(std::exchange(links_, {}));
    }
    ending_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void LinkCloser::close(UprobeLink link) {
  if (link.empty()) return;
  while (threads_.size() < wanted_threads_) threads_.emplace_back([this] { run(); });
  {
    const std::lock_guard lock(mutex_);
    for (auto& fd : link) links_.push_back(std::move(fd));
  }
  changed_.notify_all();
}

size_t LinkCloser::waiting() const {
  const std::lock_guard lock(mutex_);
  return links_.size();
}

void LinkCloser::set_paused(bool paused) {
  {
    const std::lock_guard lock(mutex_);
    paused_ = paused;
  }
  changed_.notify_all();
}

void LinkCloser::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return may_close(); });
    if (links_.empty()) return;
    Fd link = std::move(links_.back());
    links_.pop_back();
    lock.unlock();
    link.reset();
    lock.lock();
  }
}

}  // namespace tacit::probe
