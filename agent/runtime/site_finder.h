// SPDX-License-Identifier: Apache-2.0
// Where in a function a uprobe is both cheap and tells what is wanted. Reads code alone; an answer
// is either certain or an Error that says why there is none. x86-64; on other machines always an
// Error.
#pragma once
#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/runtime/elf_image.h"
#include "agent/runtime/instruction.h"

namespace tacit::runtime {

struct EntrySite {
  uint64_t address = 0;
  uint64_t file_offset = 0;
  std::vector<ValuePlace> arguments;  // one for each that was asked for, in order
};

struct ResultSite {
  uint64_t address = 0;
  uint64_t file_offset = 0;
  ValuePlace result;
  auto operator<=>(const ResultSite&) const = default;
};

struct SiteQuery {
  // Which registers survive a call: System V's, or none (Go).
  bool calls_keep_registers = true;
  // The function's extent where unwind tables do not tell (Go): {begin, end}.
  std::optional<AddressRange> extent;
  // What holds the result at RET.
  ValuePlace result{};
};

// The first emulated instruction in a straight line from the function's entry, before which no
// argument got lost: hit once each time that the function is entered there. (Go: the jbe of the
// stack check; it is hit once more after the stack was grown.)
Result<EntrySite> entry_site(const ElfImage& image, uint64_t function,
                             std::span<const Register> arguments, const SiteQuery& query = {});

// Emulated instructions, one on every way to a RET (direct tail jumps are followed), at which the
// result is known already; where it is passed on from a direct call, those of the called function.
// Ways on which the result is a constant or was just tested to be null have
// none. A hit may come on a way that later fails: what lies in the place must be checked.
Result<std::vector<ResultSite>> result_sites(const ElfImage& image, uint64_t function,
                                             const SiteQuery& query = {});

// Every instruction of a function that can be reached from its entry, tail jumps included.
Result<std::vector<Instruction>> reachable_code(const ElfImage& image, uint64_t function,
                                                const SiteQuery& query = {});

}  // namespace tacit::runtime
