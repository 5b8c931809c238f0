// SPDX-License-Identifier: Apache-2.0
// CUDA's runtime and driver and NCCL: libraries of their own, or linked statically into an executable
// that kept its symbols. Entries are probed where the kernel emulates; ends only where that is cheap
// or the call rare; failures of frequent calls where the runtime remembers them (last_error.h).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/runtime/cuda_functions.h"
#include "agent/runtime/elf_image.h"
#include "agent/runtime/exit_points.h"
#include "agent/runtime/known_image.h"
#include "agent/runtime/last_error.h"
#include "agent/runtime/site_finder.h"

namespace tacit::runtime {
namespace {

using Symbols = std::map<std::string, Symbol, std::less<>>;
using ResultOf = CudaFunction::Result;

constexpr std::string_view kPeekAtLastError = "cudaPeekAtLastError";
constexpr std::string_view kFailing = "cudaMalloc";
constexpr std::array kArgumentRegisters = {Register::kRdi, Register::kRsi, Register::kRdx,
                                           Register::kRcx, Register::kR8,  Register::kR9};
constexpr size_t kMaxEntryBytes = 512;

Symbols find_symbols(const ElfImage& image) {
  std::vector<std::string_view> names = {kPeekAtLastError};
  for (const auto& function : cuda_functions()) names.push_back(function.symbol);
  return image.symbols(names);
}

// From the stack pointer at `site` up to the return address.
Result<uint64_t> stack_depth(const ElfImage& image, uint64_t function, uint64_t site) {
  const auto code = image.read(function, kMaxEntryBytes);
  int64_t depth = 0;
  for (uint64_t address = function; address < site;) {
    if (address - function >= code.size()) return fail("its code cannot be read");
    const auto instruction = decode(std::span(code).subspan(address - function), address);
    if (!instruction || instruction->changes_stack_unknown)
      return fail("its stack cannot be followed");
    depth -= instruction->stack_change;
    address = instruction->next();
  }
  if (depth < 0) return fail("its stack cannot be followed");
  return static_cast<uint64_t>(depth);
}

// Arguments have to be where the caller put them.
Result<ProbePoint> entry_point(const ElfImage& image, uint64_t address, const CudaFunction& function,
                               bool has_exit) {
  std::vector<Register> arguments;
  for (const uint8_t number : {function.size, function.pointer, function.kind, function.subject})
    if (number < kArgumentRegisters.size()) arguments.push_back(kArgumentRegisters[number]);
  const auto site = entry_site(image, address, arguments);
  if (!site) return std::unexpected(site.error());
  for (size_t i = 0; i < arguments.size(); ++i)
    if (site->arguments[i] != ValuePlace{.base = arguments[i]})
      return fail("its arguments are moved before its first cheap instruction");
  const auto depth = stack_depth(image, address, site->address);
  if (!depth) return std::unexpected(depth.error());
  const uint64_t cookie =
      function.call | uint64_t{function.action} << CUDA_ENTRY_ACTION_SHIFT |
      uint64_t{function.size} << CUDA_ENTRY_SIZE_SHIFT |
      uint64_t{function.pointer} << CUDA_ENTRY_POINTER_SHIFT |
      uint64_t{function.kind} << CUDA_ENTRY_KIND_SHIFT |
      uint64_t{function.subject} << CUDA_ENTRY_SUBJECT_SHIFT |
      uint64_t{function.detail} << CUDA_ENTRY_DETAIL_SHIFT | (has_exit ? CUDA_ENTRY_HAS_EXIT : 0) |
      (function.is_nccl() ? CUDA_ENTRY_IS_NCCL : 0) |
      (function.is_driver() ? CUDA_ENTRY_IS_DRIVER : 0) |
      (function.is_handle ? CUDA_ENTRY_IS_HANDLE : 0) | *depth << CUDA_ENTRY_DEPTH_SHIFT;
  return ProbePoint{.file_offset = site->file_offset, .cookie = cookie};
}

class CudaImage {
 public:
  CudaImage(const ElfImage& image, const Symbols& symbols, KnownImage& known)
      : image_(image), symbols_(symbols), known_(known) {
    const auto peek = symbols.find(kPeekAtLastError), failing = symbols.find(kFailing);
    if (failing == symbols.end()) return;  // not the runtime
    if (peek != symbols.end())
      if (const auto setter =
              find_error_setter(image, peek->second.address, failing->second.address))
        setter_calls_.emplace(image, *setter);
    if (!setter_calls_)
      known_.refused.emplace_back(
          "CUDA: failed launches and copies are not seen: where the runtime remembers a failure was "
          "not found in its code");
  }

  void probe(const CudaFunction& function) {
    const auto symbol = symbols_.find(function.symbol);
    if (symbol == symbols_.end()) return;
    const uint64_t address = symbol->second.address;
    if (!probed_.insert(address).second) return;  // another name of the same function
    if (function.result == ResultOf::kFailures)
      add_failures(function, address);
    else if (add_ends(function, address))
      return;
    else if (function.is_memory() || function.action == CUDA_ACTION_NONE)
      return;  // without a result they would say nothing
    if (function.action != CUDA_ACTION_NONE) add_entry(function, address, false);
  }

  void finish() {
    const auto add = [this](const char* program, std::vector<ProbePoint>& points) {
      if (!points.empty()) known_.probes.push_back({program, std::move(points)});
    };
    add("cuda_call_ends", ends_);  // first: a begin without its end would be taken for running
    add("cuda_call_failed", failures_);
    add("cuda_call_begins", begins_);
  }

 private:
  bool add_entry(const CudaFunction& function, uint64_t address, bool has_exit) {
    const auto point = entry_point(image_, address, function, has_exit);
    if (point) begins_.push_back(*point);
    else refuse(function, "is not seen", point.error().message);
    return point.has_value();
  }

  // Both ends or none.
  bool add_ends(const CudaFunction& function, uint64_t address) {
    auto points = exit_points(image_, address);
    if (!points) {
      refuse(function, "has no visible result", points.error().message);
      return false;
    }
    const auto is_slow = [](const ExitPoint& point) { return !point.emulated; };
    if (function.result == ResultOf::kCheap) {
      if (std::all_of(points->begin(), points->end(), is_slow)) {
        refuse(function, "has no visible result", "no cheap instruction knows it");
        return false;
      }
      // In libcudart only the way through a profiler's callbacks is slow. An allocation missed there
      // would be missed for good; a wait is only not timed.
      if (!function.is_memory()) std::erase_if(*points, is_slow);
    }
    if (!add_entry(function, address, true)) return true;
    for (const auto& point : *points)
      ends_.push_back({.file_offset = point.file_offset,
                       .cookie = point.cookie(function.call, function.is_nccl())});
    return true;
  }

  void add_failures(const CudaFunction& function, uint64_t address) {
    if (!setter_calls_) return;
    for (const uint64_t call : setter_calls_->of(address))
      if (failing_.insert(call).second)
        failures_.push_back({.file_offset = *image_.file_offset(call), .cookie = function.call});
  }

  void refuse(const CudaFunction& function, const char* what, const std::string& why) {
    known_.refused.push_back(fmt::format("CUDA: {} {}: {}", function.symbol, what, why));
  }

  const ElfImage& image_;
  const Symbols& symbols_;
  KnownImage& known_;
  std::optional<SetterCalls> setter_calls_;
  std::set<uint64_t> probed_, failing_;  // addresses
  std::vector<ProbePoint> begins_, ends_, failures_;
};

}  // namespace

void recognise_cuda(const ElfImage& image, const std::string&, KnownImage& known) {
  const auto symbols = find_symbols(image);
  if (symbols.empty()) return;
  if (image.machine() != Machine::kX86_64 || !kCanDecode) {
    known.refused.emplace_back("CUDA: calls are seen on x86-64 only so far");
    return;
  }
  CudaImage cuda(image, symbols, known);
  for (const auto& function : cuda_functions()) cuda.probe(function);
  cuda.finish();
}

}  // namespace tacit::runtime
