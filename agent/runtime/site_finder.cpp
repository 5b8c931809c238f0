// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime/site_finder.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace tacit::runtime {
namespace {

constexpr size_t kMaxInstructions = 8192;
constexpr size_t kMaxEntryInstructions = 32;
constexpr size_t kMaxFunctionBytes = 256 << 10;
constexpr size_t kMaxInstructionBytes = 15;

// The code of a function and of those that it jumps into, as far as control can come.
class ReachableCode {
 public:
  ReachableCode(const ElfImage& image, const SiteQuery& query) : image_(image), query_(query) {}

  Result<void> explore(uint64_t entry) {
    std::vector<uint64_t> todo{entry};
    while (!todo.empty()) {
      const uint64_t address = todo.back();
      todo.pop_back();
      if (code_.contains(address)) continue;
      if (code_.size() >= kMaxInstructions) return fail("it is too long");
      const auto instruction = decode_at(address);
      if (!instruction)
        return fail(fmt::format("its code cannot be decoded at {:#x}", address));
      code_.emplace(address, *instruction);
      for (const uint64_t next : successors(*instruction)) todo.push_back(next);
    }
    return {};
  }

  const std::map<uint64_t, Instruction>& code() const { return code_; }

  // Where control goes from here inside what is explored: behind it, and to its target.
  std::vector<uint64_t> successors(const Instruction& instruction) {
    std::vector<uint64_t> next;
    const bool goes_on = instruction.flow == Flow::kNext || instruction.flow == Flow::kBranch ||
                         instruction.flow == Flow::kCall;
    // A call that ends its function never returns.
    if (goes_on && in_same_function(instruction.address, instruction.next()))
      next.push_back(instruction.next());
    if (instruction.flow == Flow::kBranch || instruction.flow == Flow::kJump)
      next.push_back(instruction.target);
    return next;
  }

 private:
  struct Part {
    AddressRange range;
    std::vector<std::byte> bytes;
  };

  const Part* part_of(uint64_t address) {
    for (const auto& part : parts_)
      if (part.range.contains(address)) return &part;
    const auto segment = std::find_if(
        image_.segments().begin(), image_.segments().end(), [&](const ElfSegment& each) {
          return each.executable && each.addresses.contains(address);
        });
    if (segment == image_.segments().end()) return nullptr;
    AddressRange range = extent_of(address);
    range.end = std::min({range.end, segment->addresses.end, range.begin + kMaxFunctionBytes});
    auto bytes = image_.read(range.begin, range.end - range.begin);
    range.end = range.begin + bytes.size();
    if (!range.contains(address)) return nullptr;
    parts_.push_back({range, std::move(bytes)});
    return &parts_.back();
  }

  AddressRange extent_of(uint64_t address) const {
    if (query_.extent && query_.extent->contains(address)) return *query_.extent;
    if (const auto range = image_.function_around(address)) return *range;
    return {address, address + 4096};
  }

  bool in_same_function(uint64_t address, uint64_t other) {
    const Part* part = part_of(address);
    return part != nullptr && part->range.contains(other);
  }

  std::optional<Instruction> decode_at(uint64_t address) {
    const Part* part = part_of(address);
    if (part == nullptr) return std::nullopt;
    const std::span<const std::byte> rest =
        std::span(part->bytes).subspan(address - part->range.begin);
    return decode(rest.first(std::min(rest.size(), kMaxInstructionBytes)), address);
  }

  const ElfImage& image_;
  const SiteQuery& query_;
  std::vector<Part> parts_;
  std::map<uint64_t, Instruction> code_;
};

bool writes(const Instruction& instruction, Register reg) {
  return (instruction.writes & (1U << static_cast<unsigned>(reg))) != 0;
}

// From every RET back to the first cheap instruction on each way.
class ResultWalk {
 public:
  ResultWalk(ReachableCode& reachable, uint64_t entry, const SiteQuery& query)
      : reachable_(reachable), entry_(entry), query_(query) {
    for (const auto& [address, instruction] : reachable.code()) {
      for (const uint64_t next : reachable.successors(instruction))
        before_[next].push_back(address);
      frame_is_shared_ |= instruction.effect == Effect::kAdd && is_frame(instruction.source);
    }
  }

  // Functions whose result is passed on as it is.
  const std::set<uint64_t>& callees() const { return callees_; }

  Result<std::map<uint64_t, ValuePlace>> run() {
    for (const auto& [address, instruction] : code()) {
      if (instruction.flow == Flow::kUnknown)
        return fail(fmt::format("control leaves it by an indirect jump at {:#x}", address));
      if (instruction.flow == Flow::kReturn) todo_.emplace_back(address, query_.result);
    }
    while (!todo_.empty()) {
      const auto state = todo_.back();
      todo_.pop_back();
      if (!seen_.insert(state).second) continue;
      if (auto done = visit(state.first, state.second); !done)
        return std::unexpected(done.error());
    }
    return std::move(sites_);
  }

 private:
  const std::map<uint64_t, Instruction>& code() const { return reachable_.code(); }

  // `place` holds the result before the instruction at `address`.
  Result<void> visit(uint64_t address, const ValuePlace& place) {
    const Instruction& instruction = code().at(address);
    if (instruction.flow == Flow::kCall && place.in_memory && frame_is_shared_)
      return fail(fmt::format("the call at {:#x} may change its result", address));
    if (instruction.emulated) {
      if (!sites_.try_emplace(address, place).second && sites_.at(address) != place)
        return fail(fmt::format("its result lies in two places at {:#x}", address));
      return {};
    }
    if (address == entry_) return fail("no cheap instruction lies between its entry and its result");
    const auto before = before_.find(address);
    if (before == before_.end())
      return fail(fmt::format("nothing known leads to {:#x}", address));
    for (const uint64_t from : before->second)
      if (auto done = step_back(code().at(from), address, place); !done) return done;
    return {};
  }

  Result<void> step_back(const Instruction& instruction, uint64_t to, ValuePlace place) {
    if (is_null_way(instruction, to, place)) return {};
    if (instruction.flow == Flow::kCall && !place.in_memory &&
        !(query_.calls_keep_registers && is_callee_saved(place.base))) {
      if (place != query_.result || instruction.target == 0)
        return fail(fmt::format("its result comes straight from the call at {:#x}",
                                instruction.address));
      callees_.insert(instruction.target);
      return {};
    }
    if (place.in_memory) return step_back_memory(instruction, place);
    if (writes(instruction, place.base)) {
      if (instruction.effect == Effect::kConstant && instruction.destination == place) return {};
      const bool known = (instruction.effect == Effect::kMove ||
                          (instruction.effect == Effect::kLoad && is_frame(instruction.source))) &&
                         instruction.destination == place;
      if (!known)
        return fail(fmt::format("its result is computed at {:#x}", instruction.address));
      place = instruction.source;
    }
    todo_.emplace_back(instruction.address, place);
    return {};
  }

  // A slot of the stack frame, seen from before the instruction.
  Result<void> step_back_memory(const Instruction& instruction, ValuePlace place) {
    if (place.base == Register::kRsp) {
      if (instruction.changes_stack_unknown)
        return fail(fmt::format("its stack cannot be followed at {:#x}", instruction.address));
      place.offset += instruction.stack_change;
    } else if (writes(instruction, place.base)) {
      return fail(fmt::format("its frame cannot be followed at {:#x}", instruction.address));
    }
    if (instruction.effect == Effect::kStore && instruction.destination == place)
      place = instruction.source;
    todo_.emplace_back(instruction.address, place);
    return {};
  }

  static bool is_frame(const ValuePlace& place) {
    return place.base == Register::kRsp || place.base == Register::kRbp;
  }

  // test r,r; je: where r is the result, or has just been copied to or from it, what comes this way
  // is null.
  bool is_null_way(const Instruction& branch, uint64_t to, const ValuePlace& place) const {
    const bool zero_way = (branch.jumps_if_zero && to == branch.target) ||
                          (branch.jumps_if_not_zero && to == branch.next());
    if (!zero_way || branch.target == branch.next() || place.in_memory) return false;
    const Instruction* test = straight_before(branch);
    if (test == nullptr || test->effect != Effect::kTestSelf) return false;
    if (test->destination == place) return true;
    const Instruction* move = straight_before(*test);
    return move != nullptr && move->effect == Effect::kMove &&
           ((move->destination == place && move->source == test->destination) ||
            (move->source == place && move->destination == test->destination));
  }

  // The only instruction that control can come from, where it lies directly before.
  const Instruction* straight_before(const Instruction& instruction) const {
    const auto before = before_.find(instruction.address);
    if (before == before_.end() || before->second.size() != 1) return nullptr;
    const Instruction& from = code().at(before->second.front());
    return from.next() == instruction.address && from.flow == Flow::kNext ? &from : nullptr;
  }

  ReachableCode& reachable_;
  uint64_t entry_;
  const SiteQuery& query_;
  std::map<uint64_t, std::vector<uint64_t>> before_;
  std::vector<std::pair<uint64_t, ValuePlace>> todo_;
  std::set<std::pair<uint64_t, ValuePlace>> seen_;
  std::map<uint64_t, ValuePlace> sites_;
  std::set<uint64_t> callees_;
  bool frame_is_shared_ = false;  // an address in the stack frame is taken
};

// Sites of a function and of those whose result it passes on.
Result<void> collect_sites(const ElfImage& image, uint64_t function, const SiteQuery& query,
                           int depth, std::map<uint64_t, ValuePlace>& sites) {
  ReachableCode reachable(image, query);
  if (auto explored = reachable.explore(function); !explored) return explored;
  ResultWalk walk(reachable, function, query);
  const auto found = walk.run();
  if (!found) return std::unexpected(found.error());
  for (const auto& [address, place] : *found)
    if (sites.try_emplace(address, place).first->second != place)
      return fail(fmt::format("its result lies in two places at {:#x}", address));
  if (!walk.callees().empty() && depth == 0) return fail("its result comes from calls of calls");
  for (const uint64_t callee : walk.callees())
    if (auto more = collect_sites(image, callee, query, depth - 1, sites); !more) return more;
  return {};
}

Result<void> check_machine(const ElfImage& image) {
  if (kCanDecode && image.machine() == Machine::kX86_64) return {};
  return fail("probe sites are not searched on this processor yet");
}

// Registers that hold one argument, as bits.
void follow_argument(const Instruction& instruction, uint16_t& holders) {
  const auto bit = [](Register reg) { return static_cast<uint16_t>(1U << static_cast<unsigned>(reg)); };
  const bool copies = instruction.effect == Effect::kMove &&
                      (holders & bit(instruction.source.base)) != 0;
  holders &= static_cast<uint16_t>(~instruction.writes);
  if (copies) holders |= bit(instruction.destination.base);
}

ValuePlace first_holder(uint16_t holders) {
  return {.base = static_cast<Register>(__builtin_ctz(holders))};
}

}  // namespace

Result<EntrySite> entry_site(const ElfImage& image, uint64_t function,
                             std::span<const Register> arguments, const SiteQuery&) {
  if (auto checked = check_machine(image); !checked) return std::unexpected(checked.error());
  std::vector<uint16_t> holders;
  for (const Register reg : arguments)
    holders.push_back(static_cast<uint16_t>(1U << static_cast<unsigned>(reg)));
  const auto code = image.read(function, kMaxEntryInstructions * kMaxInstructionBytes);
  uint64_t address = function;
  for (size_t i = 0; i < kMaxEntryInstructions; ++i) {
    if (address - function >= code.size()) break;
    const auto rest = std::span<const std::byte>(code).subspan(address - function);
    const auto instruction = decode(rest.first(std::min(rest.size(), kMaxInstructionBytes)), address);
    if (!instruction) break;
    if (instruction->emulated) {
      EntrySite site{address, *image.file_offset(address), {}};
      for (const uint16_t each : holders) site.arguments.push_back(first_holder(each));
      return site;
    }
    if (instruction->flow != Flow::kNext) break;
    for (uint16_t& each : holders) {
      follow_argument(*instruction, each);
      if (each == 0) return fail("an argument is gone before its first cheap instruction");
    }
    address = instruction->next();
  }
  return fail("it has no cheap instruction near its entry");
}

Result<std::vector<ResultSite>> result_sites(const ElfImage& image, uint64_t function,
                                             const SiteQuery& query) {
  if (auto checked = check_machine(image); !checked) return std::unexpected(checked.error());
  constexpr int kMaxDepth = 3;
  std::map<uint64_t, ValuePlace> found;
  if (auto collected = collect_sites(image, function, query, kMaxDepth, found); !collected)
    return std::unexpected(collected.error());
  std::vector<ResultSite> sites;
  for (const auto& [address, place] : found)
    sites.push_back({address, *image.file_offset(address), place});
  if (sites.empty()) return fail("it never returns a result");
  return sites;
}

Result<std::vector<Instruction>> reachable_code(const ElfImage& image, uint64_t function,
                                                const SiteQuery& query) {
  if (auto checked = check_machine(image); !checked) return std::unexpected(checked.error());
  ReachableCode reachable(image, query);
  if (auto explored = reachable.explore(function); !explored)
    return std::unexpected(explored.error());
  std::vector<Instruction> code;
  for (const auto& [address, instruction] : reachable.code()) code.push_back(instruction);
  return code;
}

}  // namespace tacit::runtime
