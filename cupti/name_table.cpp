// SPDX-License-Identifier: Apache-2.0
#include "cupti/name_table.h"

#include <cstring>

namespace tacit::cupti {
namespace {

constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;

// FNV-1a, over what is kept of the name.
uint64_t hash_of(const char* name, uint32_t length) {
  uint64_t hash = 0xcbf29ce484222325;
  for (uint32_t at = 0; at < length; ++at)
    hash = (hash ^ static_cast<uint8_t>(name[at])) * 0x100000001b3;
  return hash;
}

}  // namespace

bool NameTable::map() {
  return entries_.map(kNames) && buckets_.map(kBuckets) && recent_.map(kBuckets) &&
         text_.map(kTextBytes);
}

bool NameTable::equals(uint32_t number, const char* name) const {
  const Entry& entry = entries_[number - 1];
  return ::strncmp(text_.data() + entry.offset, name, GPU_NAME_BYTES) == 0;
}

uint32_t NameTable::intern(const char* name) {
  if (name == nullptr || name[0] == '\0') return 0;
  const auto address = reinterpret_cast<uintptr_t>(name);
  Recent& recent = recent_[(address * kGolden) >> 51];
  if (recent.pointer == name && equals(recent.number, name)) return recent.number;

  const auto length = static_cast<uint32_t>(::strnlen(name, GPU_NAME_BYTES));
  const uint64_t hash = hash_of(name, length);
  uint32_t number = 0;
  for (size_t at = hash % kBuckets;; at = (at + 1) % kBuckets) {  // never full: half are names
    number = buckets_[at];
    if (number != 0 && (entries_[number - 1].hash != hash || !equals(number, name))) continue;
    if (number == 0) buckets_[at] = number = add(name, length, hash);
    break;
  }
  if (number != 0) recent = Recent{name, number};
  return number;
}

uint32_t NameTable::add(const char* name, uint32_t length, uint64_t hash) {
  const uint32_t count = size_.load(std::memory_order_relaxed);
  if (count == kNames || text_used_ + length + 1 > kTextBytes) return 0;
  ::memcpy(text_.data() + text_used_, name, length);
  entries_[count] = Entry{hash, static_cast<uint32_t>(text_used_), length};
  text_used_ += length + 1;
  size_.store(count + 1, std::memory_order_release);
  return count + 1;
}

NameText NameTable::text(uint32_t number) const {
  if (number == 0 || number > size()) return {};
  const Entry& entry = entries_[number - 1];
  return {text_.data() + entry.offset, entry.length};
}

}  // namespace tacit::cupti
