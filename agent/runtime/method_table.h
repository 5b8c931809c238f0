// SPDX-License-Identifier: Apache-2.0
// Functions that C extensions of CPython offer under a name: PyMethodDef tables (Include/methodobject.h),
// which stand in the data of every build, stripped or not.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/runtime/elf_image.h"

namespace tacit::runtime {

struct Method {
  std::string name;
  uint64_t function = 0;
  uint32_t flags = 0;  // METH_*
};

inline constexpr uint32_t kMethodFastCall = 0x80;       // METH_FASTCALL
inline constexpr uint32_t kMethodDefiningClass = 0x200;  // METH_METHOD

// The tables that have a method of each of these names: of each table those methods, in the order of
// `names`.
std::vector<std::vector<Method>> find_methods(const ElfImage& image,
                                              std::span<const std::string_view> names);

}  // namespace tacit::runtime
