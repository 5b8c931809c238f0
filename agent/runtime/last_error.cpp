// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime/last_error.h"

#include <set>

#include "agent/runtime/site_finder.h"

namespace tacit::runtime {
namespace {

constexpr int kMaxPeekDepth = 3;      // of calls, from the exported function to the one that reads
constexpr int kMaxFailDepth = 2;      // and to the one that stores
// Some 30 functions and 1,200 instructions in libcudart, and 130 with 12,000 for all its calls.
constexpr size_t kMaxFunctions = 128;
constexpr size_t kMaxInstructions = 16'000, kMaxSeenInstructions = 80'000;
constexpr size_t kMaxCallees = 32;  // of one function

// Functions called directly from `function`, and from those, and so on.
std::set<uint64_t> called_from(const ElfImage& image, uint64_t function, int depth) {
  std::set<uint64_t> seen{function}, level{function};
  size_t instructions = 0;
  for (int i = 0; i < depth && seen.size() < kMaxFunctions; ++i) {
    std::set<uint64_t> next;
    for (const uint64_t each : level) {
      if (instructions >= kMaxInstructions) return seen;
      const auto code = reachable_code(image, each);
      if (!code) continue;
      instructions += code->size();
      for (const auto& instruction : *code)
        if (instruction.flow == Flow::kCall && instruction.target != 0 &&
            seen.insert(instruction.target).second)
          next.insert(instruction.target);
    }
    level = std::move(next);
  }
  return seen;
}

// A function that does one thing and returns.
std::optional<Instruction> only_instruction(const ElfImage& image, uint64_t function) {
  const auto bytes = image.read(function, 32);
  auto first = decode(bytes, function);
  if (first && first->length == 4 && first->effect == Effect::kOther &&
      first->effect_32 == Effect::kOther && first->writes == 0 && first->flow == Flow::kNext) {
    first = decode(std::span(bytes).subspan(4), function + 4);  // endbr64
  }
  if (!first) return std::nullopt;
  const size_t end = first->next() - function;
  if (end >= bytes.size()) return std::nullopt;
  const auto second = decode(std::span(bytes).subspan(end), first->next());
  if (!second || second->flow != Flow::kReturn) return std::nullopt;
  return first;
}

}  // namespace

std::optional<uint64_t> find_error_setter(const ElfImage& image, uint64_t peek_at_last_error,
                                          uint64_t failing) {
  std::set<int32_t> read_offsets;
  for (const uint64_t each : called_from(image, peek_at_last_error, kMaxPeekDepth)) {
    const auto load = only_instruction(image, each);
    if (load && load->effect_32 == Effect::kLoad && load->destination.base == Register::kRax &&
        load->source.base == Register::kRdi)
      read_offsets.insert(load->source.offset);
  }
  std::optional<uint64_t> setter;
  for (const uint64_t each : called_from(image, failing, kMaxFailDepth)) {
    const auto store = only_instruction(image, each);
    const bool matches = store && store->effect_32 == Effect::kStore &&
                         store->source.base == Register::kRsi &&
                         store->destination.base == Register::kRdi &&
                         read_offsets.contains(store->destination.offset);
    if (!matches) continue;
    if (setter) return std::nullopt;  // not one thing
    setter = each;
  }
  return setter;
}

std::vector<uint64_t> SetterCalls::of(uint64_t function) {
  std::set<uint64_t> calls;
  const auto take = [&](const Seen& each) {
    calls.insert(each.setter_calls.begin(), each.setter_calls.end());
  };
  const auto callees = seen(function).callees;
  take(seen(function));
  for (const uint64_t callee : callees) take(seen(callee));
  return {calls.begin(), calls.end()};
}

const SetterCalls::Seen& SetterCalls::seen(uint64_t function) {
  const auto [entry, is_new] = seen_.try_emplace(function);
  if (!is_new || instructions_ >= kMaxSeenInstructions) return entry->second;
  const auto code = reachable_code(image_, function);
  if (!code) return entry->second;
  instructions_ += code->size();
  for (const auto& instruction : *code) {
    if (instruction.flow != Flow::kCall || instruction.target == 0) continue;
    if (instruction.target != setter_) {
      if (entry->second.callees.size() < kMaxCallees)
        entry->second.callees.push_back(instruction.target);
    } else if (instruction.emulated) {
      entry->second.setter_calls.push_back(instruction.address);
    }
  }
  return entry->second;
}

}  // namespace tacit::runtime
