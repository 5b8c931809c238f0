// SPDX-License-Identifier: Apache-2.0
// Kernel names as numbers from 1. Bounded: kNames names and kTextBytes of text; what comes after
// has number 0. Entries never change or go. One thread at a time adds (the outbox's lock); any
// thread may read the entries below size().
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "bpf/events/gpu_batch.h"
#include "cupti/mapped_array.h"

namespace tacit::cupti {

struct NameText {
  const char* text = nullptr;
  uint32_t length = 0;  // at most GPU_NAME_BYTES
};

class NameTable {
 public:
  static constexpr uint32_t kNames = 4096;
  static constexpr size_t kTextBytes = size_t{2} << 20;

  bool map();
  // The number of a terminated name, 0 where there is none or no room.
  uint32_t intern(const char* name);
  NameText text(uint32_t number) const;
  uint32_t size() const { return size_.load(std::memory_order_acquire); }

 private:
  struct Entry {
    uint64_t hash;
    uint32_t offset;
    uint32_t length;
  };
  // CUPTI gives the same pointer for the same kernel, so most look-ups end here; the text is still
  // compared, since a module that was unloaded may leave its address to another.
  struct Recent {
    const char* pointer;
    uint32_t number;
  };
  static constexpr size_t kBuckets = size_t{2} * kNames;

  bool equals(uint32_t number, const char* name) const;
  uint32_t add(const char* name, uint32_t length, uint64_t hash);

  std::atomic<uint32_t> size_{0};
  size_t text_used_ = 0;
  MappedArray<Entry> entries_;
  MappedArray<uint32_t> buckets_;  // open addressing; 0: empty
  MappedArray<Recent> recent_;
  MappedArray<char> text_;  // terminated
};

}  // namespace tacit::cupti
