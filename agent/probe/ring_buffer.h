// SPDX-License-Identifier: Apache-2.0
// The reading end of the events ring (BPF_MAP_TYPE_RINGBUF; layout: kernel/bpf/ringbuf.c,
// Documentation/bpf/ringbuf.rst). libbpf's reader acknowledges every record by itself; this one
// acknowledges in batches and knows how full the ring is. One owner, loop thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "agent/base/result.h"
#include "bpf/events/reader_state.h"

namespace tacit::probe {

class RingBuffer {
 public:
  // `map_fd` is the ring's, `reader_fd` that of maps/reader.h; both stay the caller's.
  static Result<RingBuffer> open(int map_fd, uint32_t ring_bytes, int reader_fd);
  RingBuffer(RingBuffer&& other) noexcept;
  RingBuffer& operator=(RingBuffer&&) = delete;
  ~RingBuffer();

  // Hands up to `limit` records to `handle(std::span<const std::byte>)`, oldest first; returns how
  // many. A record's memory is valid only during its call.
  template <typename Handler>
  size_t consume(size_t limit, Handler&& handle);

  // Bytes waiting, of capacity_bytes(). Any thread.
  uint64_t waiting_bytes() const;
  uint64_t capacity_bytes() const { return size_; }

  int fd() const { return map_fd_; }  // readable when a program woke the reader

  void set_activity(reader_activity activity);
  // Goes to sleep unless a record is there or on its way; false: stay awake.
  bool try_sleep();

 private:
  RingBuffer() = default;
  std::span<const std::byte> next(uint64_t position, uint64_t& advance, bool& discard) const;
  void acknowledge(uint64_t position);

  int map_fd_ = -1;
  uint64_t size_ = 0;
  uint64_t* consumer_position_ = nullptr;        // first page, ours to write
  const uint64_t* producer_position_ = nullptr;  // second page
  const std::byte* data_ = nullptr;              // twice in a row, so no record wraps
  reader_state* state_ = nullptr;
};

template <typename Handler>
size_t RingBuffer::consume(size_t limit, Handler&& handle) {
  constexpr uint64_t kAcknowledgeBytes = 64 << 10;  // rarely, but before the ring feels it
  uint64_t position = *consumer_position_, acknowledged = position;
  size_t count = 0;
  while (count < limit) {
    uint64_t advance = 0;
    bool discard = false;
    const auto record = next(position, advance, discard);
    if (advance == 0) break;
    if (!discard) {
      handle(record);
      ++count;
    }
    position += advance;
    if (position - acknowledged >= kAcknowledgeBytes) acknowledge(acknowledged = position);
  }
  if (position != acknowledged) acknowledge(position);
  return count;
}

}  // namespace tacit::probe
