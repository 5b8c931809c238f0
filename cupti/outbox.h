// SPDX-License-Identifier: Apache-2.0
// Records on their way out: a ring of kBlocks blocks in the layout of gpu_batch.h. Whoever has
// records (CUPTI's threads) appends under a lock that is held for copying only; the one thread that
// hands over takes finished blocks and works on them without the lock. A name goes into the same
// block, before its first record. Full: the newest are dropped and counted.
#pragma once
#include <cstddef>
#include <cstdint>

#include "bpf/events/gpu_batch.h"
#include "cupti/lock.h"
#include "cupti/mapped_array.h"
#include "cupti/name_table.h"

namespace tacit::cupti {

union GpuSlot {
  gpu_record record;
  gpu_batch_header header;
  char text[GPU_SLOT_BYTES];
};

struct GpuBlock {
  gpu_batch_header header;
  GpuSlot slots[GPU_BATCH_SLOTS];

  size_t bytes() const { return size_t{GPU_SLOT_BYTES} * (1 + header.slots); }
};
static_assert(sizeof(GpuBlock) == GPU_SLOT_BYTES * (1 + GPU_BATCH_SLOTS));

// Writes a NAME record and its text; the slots must be there. Returns how many it took.
uint32_t write_name(GpuSlot* slots, uint32_t number, NameText text);
uint32_t slots_of_name(NameText text);

class Outbox {
 public:
  static constexpr size_t kBlocks = 256;  // 2 MiB

  struct Entry {
    gpu_record record;
    const char* name;  // nullptr: none
  };
  struct Appended {
    size_t dropped = 0;
    bool finished_block = false;  // the thread that hands over has something to do
  };

  bool map();
  Appended append(const Entry* entries, size_t count);
  // The oldest finished block, or the one being filled if `unfinished_too` and it has records;
  // nullptr: none. Valid until release(). Only the thread that hands over calls these.
  GpuBlock* take(bool unfinished_too);
  void release();
  // More than half of the blocks wait.
  bool is_crowded();
  // Throws away what nobody wants any more; returns how many records that were.
  size_t clear();

  const NameTable& names() const { return names_; }

 private:
  GpuBlock& filling() { return blocks_[tail_ % kBlocks]; }
  bool finish_block();
  GpuSlot* reserve(uint32_t slots, Appended& appended);
  bool append_one(const Entry& entry, Appended& appended);

  Lock lock_;
  uint64_t head_ = 0;  // next to be taken
  uint64_t tail_ = 0;  // being filled
  MappedArray<GpuBlock> blocks_;
  MappedArray<uint8_t> announced_;  // by number - 1: the name is in a block
  NameTable names_;
};

}  // namespace tacit::cupti
