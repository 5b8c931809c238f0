// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/link_closer.h"

#include <utility>

namespace tacit::probe {
namespace {

constexpr int kThreads = 4;

}  // namespace

LinkCloser::~LinkCloser() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void LinkCloser::close(UprobeLink link) {
  if (link.empty()) return;
  while (threads_.size() < kThreads) threads_.emplace_back([this] { run(); });
  {
    const std::lock_guard lock(mutex_);
    links_.push_back(std::move(link));
  }
  changed_.notify_one();
}

void LinkCloser::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return ending_ || !links_.empty(); });
    if (links_.empty()) return;
    UprobeLink link = std::move(links_.back());
    links_.pop_back();
    lock.unlock();
    link.clear();
    lock.lock();
  }
}

}  // namespace tacit::probe
