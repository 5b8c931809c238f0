// SPDX-License-Identifier: Apache-2.0
// The loop thread: the ring, a tick, and whatever descriptors a command adds (signals, a child).
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "agent/base/fd.h"
#include "agent/base/result.h"
#include "agent/probe/ring_buffer.h"

namespace tacit::pipeline {

// What the loop drives.
class RecordHandler {
 public:
  virtual ~RecordHandler() = default;
  virtual void on_batch_begin(uint64_t now_ns) = 0;
  virtual void on_record(std::span<const std::byte> record) = 0;
  // After each batch of records, and at least every 100 ms while something goes on.
  virtual void on_batch_end(uint64_t now_ns) = 0;
};

class AgentLoop {
 public:
  // Both must outlive it.
  static Result<AgentLoop> create(probe::RingBuffer& ring, RecordHandler& handler);

  // Calls `ready` whenever `fd` is readable. The descriptor stays the caller's.
  Result<void> watch(int fd, std::function<void()> ready);
  void run();            // until stop()
  void stop() { stopped_ = true; }
  void drain();          // everything that is in the ring now

 private:
  AgentLoop(probe::RingBuffer& ring, RecordHandler& handler) : ring_(&ring), handler_(&handler) {}
  size_t read_batch();
  void wait(int timeout_ms);
  int choose_wait(size_t records);

  probe::RingBuffer* ring_;
  RecordHandler* handler_;
  Fd epoll_;
  std::vector<std::function<void()>> callbacks_;
  uint64_t last_record_ns_ = 0;
  bool stopped_ = false;
};

}  // namespace tacit::pipeline
