// SPDX-License-Identifier: Apache-2.0
// Does an ELF file have a section of this name? Reads the section headers alone (elf(5)); a broken
// or hostile file is "no". Pure reading; at most some 4 MiB.
#pragma once
#include <string_view>

namespace tacit::discovery {

bool has_elf_section(int fd, std::string_view name);

}  // namespace tacit::discovery
