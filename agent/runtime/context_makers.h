// SPDX-License-Identifier: Apache-2.0
// The places of a CPython image where contexts are made, and the probe points that see all of them.
#pragma once
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "agent/base/result.h"
#include "agent/runtime/elf_image.h"
#include "agent/runtime/known_image.h"

namespace tacit::runtime {

struct ContextFunctions {
  uint64_t copy_current = 0;  // PyContext_CopyCurrent
  uint64_t copy = 0;          // PyContext_Copy
  uint64_t make = 0;          // PyContext_New
  uint64_t type = 0;          // PyContext_Type
};

// Probe points for python_context_created such that no context is made unseen: the exported
// functions', and those of every other function that allocates one (compilers inline the making into
// several). An Error where one of them cannot be watched: a context that is made unseen at the address
// of an older one would be taken for that.
Result<std::vector<ProbePoint>> find_context_makers(
    const ElfImage& image, const ContextFunctions& functions,
    const std::vector<std::pair<uint64_t, uint64_t>>& relocated_words);

}  // namespace tacit::runtime
