// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/ring_buffer.h"

#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tacit::probe {
namespace {

constexpr uint32_t kHeaderBytes = 8;  // BPF_RINGBUF_HDR_SZ

template <typename T>
T acquire(const T* from) {
  return __atomic_load_n(from, __ATOMIC_ACQUIRE);
}

}  // namespace

Result<RingBuffer> RingBuffer::open(int map_fd, uint32_t ring_bytes, int reader_fd) {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  RingBuffer ring;
  ring.map_fd_ = map_fd;
  ring.size_ = ring_bytes;
  void* consumer = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
  if (consumer == MAP_FAILED)
    return fail(std::string("cannot map the events ring: ") + std::strerror(errno));
  ring.consumer_position_ = static_cast<uint64_t*>(consumer);
  void* producer = ::mmap(nullptr, page + 2 * ring.size_, PROT_READ, MAP_SHARED, map_fd,
                          static_cast<off_t>(page));
  if (producer == MAP_FAILED)
    return fail(std::string("cannot map the events ring's data: ") + std::strerror(errno));
  ring.producer_position_ = static_cast<const uint64_t*>(producer);
  ring.data_ = static_cast<const std::byte*>(producer) + page;
  void* state = ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, reader_fd, 0);
  if (state == MAP_FAILED)
    return fail(std::string("cannot map the reader's state: ") + std::strerror(errno));
  ring.state_ = static_cast<reader_state*>(state);
  ring.state_->wake_bytes = ring_bytes / 8;
  return ring;
}

RingBuffer::RingBuffer(RingBuffer&& other) noexcept
    : map_fd_(std::exchange(other.map_fd_, -1)),
      size_(other.size_),
      consumer_position_(std::exchange(other.consumer_position_, nullptr)),
      producer_position_(std::exchange(other.producer_position_, nullptr)),
      data_(std::exchange(other.data_, nullptr)),
      state_(std::exchange(other.state_, nullptr)) {}

RingBuffer::~RingBuffer() {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  if (consumer_position_ != nullptr) ::munmap(consumer_position_, page);
  if (producer_position_ != nullptr)
    ::munmap(const_cast<uint64_t*>(producer_position_), page + 2 * size_);
  if (state_ != nullptr) ::munmap(state_, page);
}

std::span<const std::byte> RingBuffer::next(uint64_t position, uint64_t& advance,
                                            bool& discard) const {
  if (position >= acquire(producer_position_)) return {};
  const std::byte* header = data_ + (position & (size_ - 1));
  const uint32_t word = acquire(reinterpret_cast<const uint32_t*>(header));
  if (word & BPF_RINGBUF_BUSY_BIT) return {};  // reserved, not yet submitted: order is kept
  const uint32_t length = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
  advance = (length + kHeaderBytes + 7) & ~uint64_t{7};
  discard = (word & BPF_RINGBUF_DISCARD_BIT) != 0;
  return {header + kHeaderBytes, length};
}

void RingBuffer::acknowledge(uint64_t position) {
  __atomic_store_n(consumer_position_, position, __ATOMIC_RELEASE);
}

uint64_t RingBuffer::waiting_bytes() const {
  return acquire(producer_position_) - acquire(consumer_position_);
}

void RingBuffer::set_activity(reader_activity activity) {
  __atomic_store_n(&state_->activity, static_cast<uint32_t>(activity), __ATOMIC_RELEASE);
}

bool RingBuffer::try_sleep() {
  // Either a program that reserves now sees ASLEEP and wakes us, or we see its reservation here.
  __atomic_store_n(&state_->activity, static_cast<uint32_t>(READER_ASLEEP), __ATOMIC_SEQ_CST);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (waiting_bytes() == 0) return true;
  set_activity(READER_AWAKE);
  return false;
}

}  // namespace tacit::probe
