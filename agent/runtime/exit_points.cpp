// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime/exit_points.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "agent/runtime/site_finder.h"
#include "bpf/events/cuda.h"

namespace tacit::runtime {
namespace {

constexpr int kMaxDepth = 2;  // of calls whose result is passed on
constexpr size_t kMaxInstructions = 10'000;  // of all functions looked at for one
constexpr ValuePlace kResult{.base = Register::kRax};

bool writes(const Instruction& instruction, Register reg) {
  return (instruction.writes & (1U << static_cast<unsigned>(reg))) != 0;
}

bool is_effect(const Instruction& instruction, Effect effect) {
  return instruction.effect == effect || instruction.effect_32 == effect;
}

bool is_frame(const ValuePlace& place) {
  return place.base == Register::kRsp || place.base == Register::kRbp;
}

// What holds the result on every way from an instruction on.
struct Where {
  enum class State { kUnseen, kPlace, kNowhere } state = State::kUnseen;
  ValuePlace place;
  bool operator==(const Where&) const = default;

  static Where at(const ValuePlace& place) { return {State::kPlace, place}; }
  static Where nowhere() { return {State::kNowhere, {}}; }
  Where meet(const Where& other) const {
    if (state == State::kUnseen) return other;
    if (other.state == State::kUnseen || other == *this) return *this;
    return nowhere();
  }
};

class ExitSearch {
 public:
  explicit ExitSearch(const std::vector<Instruction>& code) {
    for (const auto& instruction : code) code_.emplace(instruction.address, instruction);
    for (const auto& [address, instruction] : code_) {
      for (const uint64_t next : successors(instruction)) before_[next].push_back(address);
      frame_is_shared_ |= instruction.effect == Effect::kAdd && is_frame(instruction.source);
    }
  }

  Result<void> run() {
    for (const auto& [address, instruction] : code_)
      if (instruction.flow == Flow::kUnknown)
        return fail(fmt::format("control leaves it by an indirect jump at {:#x}", address));
    spread();
    for (const auto& [address, instruction] : code_)
      if (instruction.flow == Flow::kReturn) visit(address);
    return {};
  }

  const std::map<uint64_t, ExitPoint>& points() const { return points_; }
  // Functions whose result is passed on as it is, and the instructions behind those calls.
  const std::map<uint64_t, std::set<uint64_t>>& callees() const { return callees_; }
  void step_over(const std::set<uint64_t>& behind) {
    for (const uint64_t address : behind) add(address, kResult);
  }

 private:
  std::vector<uint64_t> successors(const Instruction& instruction) const {
    std::vector<uint64_t> next;
    const bool goes_on = instruction.flow == Flow::kNext || instruction.flow == Flow::kBranch ||
                         instruction.flow == Flow::kCall;
    if (goes_on && code_.contains(instruction.next())) next.push_back(instruction.next());
    const bool jumps = instruction.flow == Flow::kBranch || instruction.flow == Flow::kJump;
    if (jumps && code_.contains(instruction.target)) next.push_back(instruction.target);
    return next;
  }

  Where after(const Instruction& instruction) const {
    Where met;
    for (const uint64_t next : successors(instruction))
      if (const auto found = where_.find(next); found != where_.end())
        met = met.meet(found->second);
    return met;
  }

  // The place before an instruction of what is at `place` after it.
  Where before(const Instruction& instruction, ValuePlace place) const {
    if (instruction.flow == Flow::kCall) {
      const bool kept = place.in_memory ? !frame_is_shared_ : is_callee_saved(place.base);
      return kept ? Where::at(place) : Where::nowhere();
    }
    if (place.in_memory) return before_memory(instruction, place);
    if (!writes(instruction, place.base)) return Where::at(place);
    const bool moved = is_effect(instruction, Effect::kMove) ||
                       (is_effect(instruction, Effect::kLoad) && is_frame(instruction.source));
    if (!moved || instruction.destination != place) return Where::nowhere();
    return Where::at(instruction.source);
  }

  Where before_memory(const Instruction& instruction, ValuePlace place) const {
    if (place.base == Register::kRsp) {
      if (instruction.changes_stack_unknown) return Where::nowhere();
      place.offset += instruction.stack_change;
    } else if (writes(instruction, place.base)) {
      return Where::nowhere();
    }
    if (!is_effect(instruction, Effect::kStore)) return Where::at(place);
    if (instruction.destination == place) return Where::at(instruction.source);
    // Another store may overlap it, or come through a pointer to it.
    return is_frame(instruction.destination) && instruction.destination.base == place.base &&
                   std::abs(int64_t{instruction.destination.offset} - place.offset) >= 8
               ? Where::at(place)
               : Where::nowhere();
  }

  // Backwards to a fixed point: each entry only ever goes from unseen to a place to nowhere.
  void spread() {
    std::vector<uint64_t> todo;
    for (const auto& [address, instruction] : code_)
      if (instruction.flow == Flow::kReturn) {
        where_[address] = Where::at(kResult);
        todo.push_back(address);
      }
    while (!todo.empty()) {
      const uint64_t address = todo.back();
      todo.pop_back();
      for (const uint64_t from : before_[address]) {
        const Instruction& instruction = code_.at(from);
        const Where met = after(instruction);
        const Where now =
            met.state == Where::State::kPlace ? before(instruction, met.place) : met;
        if (auto& known = where_[from]; known != now) {
          known = now;
          todo.push_back(from);
        }
      }
    }
  }

  std::optional<ValuePlace> place_at(uint64_t address) const {
    const auto found = where_.find(address);
    if (found == where_.end() || found->second.state != Where::State::kPlace) return std::nullopt;
    return found->second.place;
  }

  void add(uint64_t address, const ValuePlace& place, ExitPoint::Way way = ExitPoint::Way::kAny) {
    const Instruction& instruction = code_.at(address);
    const auto [entry, is_new] =
        points_.try_emplace(address, ExitPoint{.address = address,
                                               .result = place,
                                               .emulated = instruction.emulated,
                                               .way = way,
                                               .condition = instruction.condition});
    if (!is_new && entry->second.way != way) entry->second.way = ExitPoint::Way::kAny;
  }

  // The result is certain from `first` on: goes back to the nearest cheap instruction on each way.
  void visit(uint64_t first) {
    std::vector<uint64_t> todo{first};
    while (!todo.empty()) {
      const uint64_t address = todo.back();
      todo.pop_back();
      if (!visited_.insert(address).second) continue;
      const ValuePlace place = *place_at(address);
      const Instruction& instruction = code_.at(address);
      if (instruction.emulated && instruction.flow != Flow::kBranch) {
        add(address, place);
        continue;
      }
      const auto before = before_.find(address);
      if (before != before_.end())
        for (const uint64_t from : before->second) step_back(code_.at(from), address, place, todo);
    }
  }

  void step_back(const Instruction& from, uint64_t to, const ValuePlace& place,
                 std::vector<uint64_t>& todo) {
    if (from.flow == Flow::kBranch && from.emulated) {
      const bool both = from.target == from.next();
      add(from.address, place,
          both                 ? ExitPoint::Way::kAny
          : to == from.target ? ExitPoint::Way::kTaken
                              : ExitPoint::Way::kNotTaken);
    } else if (place_at(from.address)) {
      todo.push_back(from.address);
    } else if (from.flow == Flow::kCall && from.target != 0 && place == kResult) {
      callees_[from.target].insert(to);
    } else {
      add(to, place);  // stepped over: nothing cheap knows it
    }
  }

  std::map<uint64_t, Instruction> code_;
  std::map<uint64_t, std::vector<uint64_t>> before_;
  std::map<uint64_t, Where> where_;  // before the instruction
  std::set<uint64_t> visited_;
  std::map<uint64_t, ExitPoint> points_;
  std::map<uint64_t, std::set<uint64_t>> callees_;
  bool frame_is_shared_ = false;  // an address in the stack frame is taken
};

using Points = std::map<uint64_t, ExitPoint>;

Result<Points> collect(const ElfImage& image, uint64_t function, int depth, size_t& left) {
  const auto code = left == 0 ? fail("it is too long") : reachable_code(image, function);
  if (!code) return std::unexpected(code.error());
  left -= std::min(left, code->size());
  ExitSearch search(*code);
  if (auto done = search.run(); !done) return std::unexpected(done.error());
  std::vector<Points> passed_on;
  for (const auto& [callee, behind] : search.callees()) {
    auto points = depth > 0 ? collect(image, callee, depth - 1, left)
                            : Result<Points>(fail("it comes from calls of calls"));
    // Who else calls it is not known: there nothing is stepped over.
    const bool cheap = points && std::all_of(points->begin(), points->end(),
                                             [](const auto& each) { return each.second.emulated; });
    if (cheap)
      passed_on.push_back(std::move(*points));
    else
      search.step_over(behind);
  }
  Points all = search.points();
  for (const auto& points : passed_on)
    for (const auto& [address, point] : points)
      if (all.try_emplace(address, point).first->second.result != point.result)
        return fail(fmt::format("its result lies in two places at {:#x}", address));
  return all;
}

}  // namespace

Result<std::vector<ExitPoint>> exit_points(const ElfImage& image, uint64_t function) {
  size_t left = kMaxInstructions;
  auto found = collect(image, function, kMaxDepth, left);
  if (!found) return std::unexpected(found.error());
  std::vector<ExitPoint> points;
  for (auto& [address, point] : *found) {
    const auto offset = image.file_offset(address);
    if (!offset) return fail("its code lies outside of the file");
    point.file_offset = *offset;
    points.push_back(point);
  }
  if (points.empty()) return fail("it never returns");
  return points;
}

uint64_t ExitPoint::cookie(uint64_t call, bool is_nccl) const {
  const uint64_t direction = way == Way::kTaken      ? CUDA_EXIT_IF_TAKEN
                             : way == Way::kNotTaken ? CUDA_EXIT_IF_NOT_TAKEN
                                                     : 0;
  return result.cookie() | call << CUDA_EXIT_CALL_SHIFT | direction |
         uint64_t{condition} << CUDA_EXIT_CONDITION_SHIFT | (is_nccl ? CUDA_EXIT_IS_NCCL : 0);
}

}  // namespace tacit::runtime
