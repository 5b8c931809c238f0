// SPDX-License-Identifier: Apache-2.0
#include "cupti/buffer_pool.h"

#include <sys/mman.h>

#include <bit>
#include <cstring>

namespace tacit::cupti {

static_assert(BufferPool::kBuffers <= 64, "one bit a buffer");
constexpr uint64_t kAll =
    BufferPool::kBuffers == 64 ? ~uint64_t{0} : (uint64_t{1} << BufferPool::kBuffers) - 1;

BufferPool::Buffer BufferPool::take(bool may_refuse) {
  uint64_t taken = taken_.load(std::memory_order_relaxed);
  while (taken != kAll) {
    const int place = std::countr_one(taken);
    if (taken_.compare_exchange_weak(taken, taken | uint64_t{1} << place,
                                     std::memory_order_acquire, std::memory_order_relaxed))
      return {memory_.data() + static_cast<size_t>(place) * kBytes, kBytes};
  }
  if (spares_.fetch_add(1, std::memory_order_relaxed) < kSpares || !may_refuse) {
    void* spare = ::mmap(nullptr, kSpareBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                         -1, 0);
    if (spare != MAP_FAILED) return {static_cast<uint8_t*>(spare), kSpareBytes};
  }
  spares_.fetch_sub(1, std::memory_order_relaxed);
  return {};
}

bool BufferPool::keeps(const uint8_t* data) const {
  const auto at = reinterpret_cast<uintptr_t>(data);
  const auto begin = reinterpret_cast<uintptr_t>(memory_.data());
  return at >= begin && at < begin + memory_.size();
}

void BufferPool::give_back(uint8_t* data, size_t used_bytes) {
  if (data == nullptr) return;
  if (!keeps(data)) {
    ::munmap(data, kSpareBytes);
    spares_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  // CUPTI was told that it gets zeroed buffers, so that it need not do this on a launching thread.
  ::memset(data, 0, used_bytes < kBytes ? used_bytes : kBytes);
  const auto place = static_cast<size_t>(data - memory_.data()) / kBytes;
  taken_.fetch_and(~(uint64_t{1} << place), std::memory_order_release);
}

}  // namespace tacit::cupti
