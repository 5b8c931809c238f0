// SPDX-License-Identifier: Apache-2.0
#include "agent/pipeline/agent_loop.h"

#include <fmt/format.h>
#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/base/clock.h"

namespace tacit::pipeline {
namespace {

constexpr size_t kBatchRecords = 16384;   // then signals and timers get their turn
constexpr int kNapMs = 50;                // between looks while traffic flows; wake_bytes wakes earlier
constexpr int kSleepMs = 1000;            // at most, while nothing happens: the tick of slow work
constexpr uint64_t kAwakeNs = 200'000'000;  // without a record for that long: sleep

}  // namespace

Result<AgentLoop> AgentLoop::create(probe::RingBuffer& ring, RecordHandler& handler) {
  AgentLoop loop(ring, handler);
  loop.epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!loop.epoll_.valid()) return fail(fmt::format("epoll: {}", std::strerror(errno)));
  if (auto watched = loop.watch(ring.fd(), {}); !watched) return std::unexpected(watched.error());
  return loop;
}

Result<void> AgentLoop::watch(int fd, std::function<void()> ready) {
  epoll_event event{};
  // The ring's descriptor stays readable while records wait; only its wake-up matters.
  event.events = ready ? EPOLLIN : EPOLLIN | EPOLLET;
  event.data.u64 = callbacks_.size();
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return fail(fmt::format("epoll: {}", std::strerror(errno)));
  callbacks_.push_back(std::move(ready));
  return {};
}

size_t AgentLoop::read_batch() {
  handler_->on_batch_begin(monotonic_ns());
  return ring_->consume(kBatchRecords,
                        [this](std::span<const std::byte> record) { handler_->on_record(record); });
}

void AgentLoop::wait(int timeout_ms) {
  std::array<epoll_event, 8> events{};
  const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), timeout_ms);
  for (int i = 0; i < count; ++i)
    if (const auto& ready = callbacks_[events[static_cast<size_t>(i)].data.u64]) ready();
}

int AgentLoop::choose_wait(size_t records) {
  const uint64_t now_ns = monotonic_ns();
  handler_->on_batch_end(now_ns);
  if (records == kBatchRecords) return 0;  // there is more
  if (records > 0) last_record_ns_ = now_ns;
  if (now_ns - last_record_ns_ < kAwakeNs) {
    ring_->set_activity(READER_NAPPING);
    return kNapMs;
  }
  return ring_->try_sleep() ? kSleepMs : 0;
}

void AgentLoop::run() {
  while (!stopped_) {
    const size_t records = read_batch();
    wait(choose_wait(records));
    ring_->set_activity(READER_AWAKE);
  }
}

void AgentLoop::drain() {
  while (read_batch() > 0) {
  }
  handler_->on_batch_end(monotonic_ns());
}

}  // namespace tacit::pipeline
