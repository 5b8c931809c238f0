// SPDX-License-Identifier: Apache-2.0
// The host buffers that CUPTI fills: kBuffers of 256 KiB, given out and taken back on any thread
// without a lock. When all are out, a spare is mapped whose contents are to be thrown away, because
// CUPTI before 12.9 may crash on a refused request; where a refusal is allowed, there are at most
// kSpares of them.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "cupti/mapped_array.h"

namespace tacit::cupti {

class BufferPool {
 public:
  static constexpr size_t kBuffers = 32;
  static constexpr size_t kBytes = size_t{256} << 10;
  static constexpr size_t kSpares = 64;
  static constexpr size_t kSpareBytes = size_t{16} << 10;

  bool map() { return memory_.map(kBuffers * kBytes); }

  struct Buffer {
    uint8_t* data = nullptr;  // nullptr: refused
    size_t bytes = 0;
  };
  // Zeroed, 8-byte aligned. Without `may_refuse` nothing but the system's end of memory refuses.
  Buffer take(bool may_refuse);
  // What came from this pool's own buffers, and not a spare.
  bool keeps(const uint8_t* data) const;
  // `used_bytes` of it were written; the buffer may be given out again at once.
  void give_back(uint8_t* data, size_t used_bytes);

 private:
  MappedArray<uint8_t> memory_;
  std::atomic<uint64_t> taken_{0};  // bit a buffer
  std::atomic<size_t> spares_{0};
};

}  // namespace tacit::cupti
