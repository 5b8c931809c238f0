// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/elf_section.h"

#include <elf.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

namespace tacit::discovery {
namespace {

constexpr size_t kMaxSections = 4096;
constexpr size_t kMaxNames = 1 << 20;

bool read_exactly(int fd, void* out, size_t size, uint64_t offset) {
  return ::pread(fd, out, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

}  // namespace

bool has_elf_section(int fd, std::string_view name) {
  Elf64_Ehdr head{};
  if (!read_exactly(fd, &head, sizeof head, 0) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
      head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_shentsize != sizeof(Elf64_Shdr) ||
      head.e_shnum > kMaxSections || head.e_shstrndx >= head.e_shnum)
    return false;
  std::vector<Elf64_Shdr> sections(head.e_shnum);
  if (!read_exactly(fd, sections.data(), sections.size() * sizeof(Elf64_Shdr), head.e_shoff))
    return false;
  const auto& strings = sections[head.e_shstrndx];
  if (strings.sh_size == 0 || strings.sh_size > kMaxNames) return false;
  std::string names(strings.sh_size, '\0');
  if (!read_exactly(fd, names.data(), names.size(), strings.sh_offset)) return false;
  for (const auto& section : sections)
    if (section.sh_name < names.size() && name == names.c_str() + section.sh_name) return true;
  return false;
}

}  // namespace tacit::discovery
