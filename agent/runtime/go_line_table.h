// SPDX-License-Identifier: Apache-2.0
// Where the functions of a Go binary begin and end. The line table (runtime.pclntab, debug/gosym;
// forms of Go 1.18 and 1.20) is in stripped binaries too; its entries count from the start of Go's
// code, which runtime.firstmoduledata names. Both are found by section name or, where names are gone,
// by content, and must agree with each other to be believed.
#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.h"
#include "agent/runtime/elf_image.h"

namespace tacit::runtime {

// Ranges by name. A name can stand for more than one function (a wrapper bears the name of what it
// wraps); absent ones are absent.
using GoFunctions = std::map<std::string, std::vector<AddressRange>, std::less<>>;

Result<GoFunctions> find_go_functions(const ElfImage& image,
                                      std::span<const std::string_view> names);

// The pieces, for tests and fuzzing. Offsets count from the table's start.
struct GoTableHeader {
  uint64_t function_count = 0;
  uint64_t names_offset = 0;
  uint64_t names_end = 0;
  uint64_t functions_offset = 0;
};
inline constexpr size_t kGoTableHeaderBytes = 72;
std::optional<GoTableHeader> parse_go_table_header(std::span<const std::byte> bytes);

// Ranges as offsets from the start of the code. `functions` begins at functions_offset.
GoFunctions find_in_go_table(uint64_t function_count, std::span<const std::byte> name_table,
                             std::span<const std::byte> functions,
                             std::span<const std::string_view> names);

}  // namespace tacit::runtime
