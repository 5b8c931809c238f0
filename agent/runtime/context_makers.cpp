// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime/context_makers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "agent/runtime/code_references.h"
#include "agent/runtime/site_finder.h"
#include "bpf/events/python_probe.h"

namespace tacit::runtime {
namespace {

bool less_by_begin(const AddressRange& a, const AddressRange& b) { return a.begin < b.begin; }

class MakerSearch {
 public:
  MakerSearch(const ElfImage& image, uint64_t type,
              const std::vector<std::pair<uint64_t, uint64_t>>& words)
      : image_(image), type_(type) {
    for (const auto& [place, value] : words)
      if (value == type) slots_.insert(place);
  }

  // Points at which the function's new context is known.
  Result<void> watch(uint64_t function, std::string_view name, uint64_t flags) {
    const auto sites = result_sites(image_, function);
    if (!sites) return fail(fmt::format("{}: {}", name, sites.error().message));
    const auto code = reachable_code(image_, function);
    if (!code) return fail(fmt::format("{}: {}", name, code.error().message));
    for (const auto& site : *sites)
      points_.try_emplace(site.file_offset, site.result.cookie(flags));
    for (const auto& instruction : *code) {
      if (const auto range = image_.function_around(instruction.address)) watched_.insert(*range);
    }
    return {};
  }

  // Watches every function that allocates contexts and is not watched yet.
  Result<void> watch_rest() {
    std::vector<uint64_t> targets(slots_.begin(), slots_.end());
    targets.push_back(type_);
    std::map<uint64_t, std::set<uint64_t>> calls;  // by function: what is called with the type
    for (const uint64_t place : code_references(image_, targets))
      if (const auto range = image_.function_around(place); range && !calls.contains(range->begin))
        calls[range->begin] = called_with(image_, *range, {type_}, slots_);
    std::erase_if(calls, [](const auto& each) { return each.second.empty(); });
    const auto allocators = find_allocators(calls);
    if (allocators.empty()) return fail("the allocation of contexts was not found");
    for (const auto& [function, called] : calls) {
      const bool allocates = std::any_of(called.begin(), called.end(), [&](uint64_t each) {
        return allocators.contains(each);
      });
      if (!allocates || is_watched(function) || only_called_by_watched(function)) continue;
      if (auto done = watch(function, fmt::format("the function at {:#x}", function), 0); !done)
        return done;
    }
    return {};
  }

  std::vector<ProbePoint> points() const {
    std::vector<ProbePoint> points;
    for (const auto& [offset, cookie] : points_) points.push_back({offset, cookie});
    return points;
  }

 private:
  bool is_watched(uint64_t address) const {
    return std::any_of(watched_.begin(), watched_.end(),
                       [&](const AddressRange& each) { return each.contains(address); });
  }

  // What functions that surely make contexts call for it: themselves, or in a helper.
  std::set<uint64_t> find_allocators(
      const std::map<uint64_t, std::set<uint64_t>>& calls) const {
    std::set<uint64_t> allocators;
    for (const auto& [function, called] : calls)
      if (is_watched(function)) allocators.insert(called.begin(), called.end());
    if (!allocators.empty()) return allocators;
    for (const auto& [function, called] : calls)
      if (only_called_by_watched(function)) allocators.insert(called.begin(), called.end());
    return allocators;
  }

  // A helper of functions that are watched needs no watching itself.
  bool only_called_by_watched(uint64_t function) const {
    const std::array targets = {function};
    const auto callers = code_references(image_, targets);
    return !callers.empty() && std::all_of(callers.begin(), callers.end(), [&](uint64_t each) {
      return is_watched(each);
    });
  }

  const ElfImage& image_;
  uint64_t type_;
  std::set<uint64_t> slots_;
  std::set<AddressRange, decltype(&less_by_begin)> watched_{&less_by_begin};
  std::map<uint64_t, uint64_t> points_;  // cookie by file offset
};

}  // namespace

Result<std::vector<ProbePoint>> find_context_makers(
    const ElfImage& image, const ContextFunctions& functions,
    const std::vector<std::pair<uint64_t, uint64_t>>& relocated_words) {
  MakerSearch search(image, functions.type, relocated_words);
  // First, because its parent is known: what it shares with the others is its.
  if (auto done = search.watch(functions.copy_current, "PyContext_CopyCurrent",
                               PYTHON_PARENT_IS_CURRENT);
      !done)
    return std::unexpected(done.error());
  if (functions.copy != 0)
    if (auto done = search.watch(functions.copy, "PyContext_Copy", 0); !done)
      return std::unexpected(done.error());
  if (functions.make != 0)
    if (auto done = search.watch(functions.make, "PyContext_New", 0); !done)
      return std::unexpected(done.error());
  if (auto done = search.watch_rest(); !done) return std::unexpected(done.error());
  return search.points();
}

}  // namespace tacit::runtime
