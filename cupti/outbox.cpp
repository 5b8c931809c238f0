// SPDX-License-Identifier: Apache-2.0
#include "cupti/outbox.h"

#include <cstring>

namespace tacit::cupti {

uint32_t slots_of_name(NameText text) {
  return 1 + (text.length + GPU_SLOT_BYTES - 1) / GPU_SLOT_BYTES;
}

uint32_t write_name(GpuSlot* slots, uint32_t number, NameText text) {
  const uint32_t count = slots_of_name(text);
  ::memset(static_cast<void*>(slots), 0, count * sizeof(GpuSlot));
  slots->record.kind = GPU_RECORD_NAME;
  slots->record.name = number;
  slots->record.bytes = text.length;
  ::memcpy(slots[1].text, text.text, text.length);
  return count;
}

bool Outbox::map() {
  return blocks_.map(kBlocks) && announced_.map(NameTable::kNames) && names_.map();
}

Outbox::Appended Outbox::append(const Entry* entries, size_t count) {
  Appended appended;
  Locked locked(lock_);
  for (size_t at = 0; at < count; ++at)
    if (!append_one(entries[at], appended)) ++appended.dropped;
  return appended;
}

bool Outbox::append_one(const Entry& entry, Appended& appended) {
  const uint32_t number = names_.intern(entry.name);
  const bool unheard_of = number != 0 && announced_[number - 1] == 0;
  const uint32_t name_slots = unheard_of ? slots_of_name(names_.text(number)) : 0;
  GpuSlot* slots = reserve(name_slots + 1, appended);
  if (slots == nullptr) return false;
  if (unheard_of) {
    slots += write_name(slots, number, names_.text(number));
    announced_[number - 1] = 1;
  }
  slots->record = entry.record;
  slots->record.name = number;
  return true;
}

GpuSlot* Outbox::reserve(uint32_t slots, Appended& appended) {
  if (filling().header.slots + slots > GPU_BATCH_SLOTS) {
    if (!finish_block()) return nullptr;
    appended.finished_block = true;
  }
  GpuBlock& block = filling();
  GpuSlot* place = block.slots + block.header.slots;
  block.header.slots += slots;
  return place;
}

bool Outbox::finish_block() {
  if (tail_ + 1 - head_ == kBlocks) return false;  // the next one is still being handed over
  ++tail_;
  filling().header.slots = 0;
  return true;
}

GpuBlock* Outbox::take(bool unfinished_too) {
  Locked locked(lock_);
  if (head_ == tail_) {
    if (!unfinished_too || filling().header.slots == 0 || !finish_block()) return nullptr;
  }
  return &blocks_[head_ % kBlocks];
}

void Outbox::release() {
  Locked locked(lock_);
  ++head_;
}

bool Outbox::is_crowded() {
  Locked locked(lock_);
  return tail_ - head_ > kBlocks / 2;
}

size_t Outbox::clear() {
  Locked locked(lock_);
  size_t records = 0;
  for (; head_ <= tail_; ++head_) {
    GpuBlock& block = blocks_[head_ % kBlocks];
    for (uint32_t at = 0; at < block.header.slots; ++at) {
      const gpu_record& record = block.slots[at].record;
      if (record.kind != GPU_RECORD_NAME) {
        ++records;
        continue;
      }
      announced_[record.name - 1] = 0;
      at += slots_of_name({nullptr, static_cast<uint32_t>(record.bytes)}) - 1;
    }
    block.header.slots = 0;
    if (head_ == tail_) break;
  }
  return records;
}

}  // namespace tacit::cupti
