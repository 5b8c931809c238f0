// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime/code_references.h"

#include <algorithm>
#include <cstring>

#include "agent/runtime/instruction.h"

namespace tacit::runtime {
namespace {

constexpr size_t kChunkBytes = 64 << 10;
constexpr size_t kFieldBytes = 4;
constexpr size_t kMaxReferences = 4096;
constexpr size_t kMaxFunctionBytes = 256 << 10;

using Lanes = uint32_t __attribute__((vector_size(16)));

Lanes load(const std::byte* bytes) {
  Lanes lanes;
  std::memcpy(&lanes, bytes, sizeof(lanes));
  return lanes;
}

bool any(Lanes lanes) {
  uint64_t halves[2];
  std::memcpy(halves, &lanes, sizeof(halves));
  return (halves[0] | halves[1]) != 0;
}

// `chunk` lies at `address`. Sixteen places at a time: this reads every byte of an interpreter.
void search(const std::vector<std::byte>& chunk, uint64_t address, uint64_t target,
            std::vector<uint64_t>& found) {
  const auto absolute = static_cast<uint32_t>(target);
  const bool can_be_absolute = target <= UINT32_MAX;
  const auto relative = static_cast<uint32_t>(target - address - kFieldBytes);
  const auto check = [&](size_t at) {
    uint32_t field = 0;
    std::memcpy(&field, chunk.data() + at, kFieldBytes);
    if (field + static_cast<uint32_t>(at) == relative || (can_be_absolute && field == absolute))
      found.push_back(address + at);
  };
  const Lanes wanted = {relative, relative - 4, relative - 8, relative - 12};
  const Lanes same = {absolute, absolute, absolute, absolute};
  size_t at = 0;
  for (; at + 16 + kFieldBytes <= chunk.size(); at += 16) {
    Lanes hits{};
    for (uint32_t shift = 0; shift < 4; ++shift) {
      const Lanes fields = load(chunk.data() + at + shift);
      hits |= fields + (static_cast<uint32_t>(at) + shift) == wanted;
      if (can_be_absolute) hits |= fields == same;
    }
    if (any(hits))
      for (size_t each = at; each < at + 16; ++each) check(each);
  }
  for (; at + kFieldBytes <= chunk.size(); ++at) check(at);
}

uint16_t bit(Register reg) { return static_cast<uint16_t>(1U << static_cast<unsigned>(reg)); }

// Registers of System V that a call may change.
constexpr uint16_t kScratch = 0x0fc7;  // rax, rcx, rdx, rsi, rdi, r8-r11

}  // namespace

std::vector<uint64_t> code_references(const ElfImage& image, std::span<const uint64_t> targets) {
  std::vector<uint64_t> found;
  for (const auto& segment : image.segments()) {
    if (!segment.executable) continue;
    // Chunks overlap by less than a field, so that none is missed or found twice.
    for (uint64_t at = segment.addresses.begin; at + kFieldBytes <= segment.addresses.end;
         at += kChunkBytes) {
      const auto chunk = image.read(at, kChunkBytes + kFieldBytes - 1);
      for (const uint64_t target : targets)
        if (found.size() < kMaxReferences) search(chunk, at, target, found);
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::set<uint64_t> called_with(const ElfImage& image, AddressRange code,
                               const std::set<uint64_t>& values,
                               const std::set<uint64_t>& slots) {
  std::set<uint64_t> called;
  const auto bytes =
      image.read(code.begin, std::min<uint64_t>(code.end - code.begin, kMaxFunctionBytes));
  uint16_t holders = 0;
  for (size_t at = 0; at < bytes.size();) {
    const auto instruction = decode(std::span(bytes).subspan(at), code.begin + at);
    if (!instruction) break;
    at += instruction->length;
    if (instruction->flow == Flow::kCall || instruction->flow == Flow::kJump) {
      if (holders & bit(Register::kRdi)) called.insert(instruction->target);
      if (instruction->flow == Flow::kCall) holders &= static_cast<uint16_t>(~kScratch);
      continue;
    }
    const bool takes =
        ((instruction->effect == Effect::kAddress || instruction->effect == Effect::kConstant) &&
         values.contains(instruction->address_value)) ||
        (instruction->effect == Effect::kLoadAddress && slots.contains(instruction->address_value));
    const bool copies =
        instruction->effect == Effect::kMove && (holders & bit(instruction->source.base)) != 0;
    holders &= static_cast<uint16_t>(~instruction->writes);
    if (takes || copies) holders |= bit(instruction->destination.base);
  }
  return called;
}

}  // namespace tacit::runtime
