// SPDX-License-Identifier: Apache-2.0
// Who refers to an address in an image's code: what tells that no other place does the same thing.
#pragma once
#include <cstdint>
#include <set>
#include <span>
#include <vector>

#include "agent/runtime/elf_image.h"

namespace tacit::runtime {

// Places in code whose 4 bytes name one of `targets`, relative to their end or as they are: calls,
// jumps, loads and addresses taken. May hold a few places more, never fewer (immediates behind a
// relative address excepted), so it serves to exclude. One pass over the code, some 3 ms for 3 MiB.
std::vector<uint64_t> code_references(const ElfImage& image, std::span<const uint64_t> targets);

// Calls in [begin, end) at which the first argument may hold one of `values`, an address taken or
// loaded from one of `slots` nearby: what is called.
std::set<uint64_t> called_with(const ElfImage& image, AddressRange code,
                               const std::set<uint64_t>& values, const std::set<uint64_t>& slots);

}  // namespace tacit::runtime
