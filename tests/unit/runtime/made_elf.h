// SPDX-License-Identifier: Apache-2.0
// Small ELF files made for a test: one segment of code at kCode, one of data at kData.
#pragma once
#include <elf.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#include "agent/runtime/elf_image.h"

namespace tacit::runtime {

constexpr uint64_t kCode = 0x401000, kData = 0x500000;

class MadeElf {
 public:
  explicit MadeElf(std::vector<uint8_t> code, std::vector<uint8_t> data = {}) {
    constexpr size_t kCodeOffset = 0x1000;
    const size_t data_offset = 0x2000 + code.size() / 0x1000 * 0x1000;
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_EXEC;
    header.e_machine = EM_X86_64;
    header.e_phoff = sizeof(header);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 2;
    Elf64_Phdr segments[2] = {};
    segments[0] = {PT_LOAD, PF_R | PF_X, kCodeOffset, kCode, kCode, code.size(), code.size(), 0x1000};
    segments[1] = {PT_LOAD, PF_R | PF_W, data_offset, kData, kData, data.size(), data.size(), 0x1000};
    bytes_.resize(data_offset + data.size());
    std::memcpy(bytes_.data(), &header, sizeof(header));
    std::memcpy(bytes_.data() + sizeof(header), segments, sizeof(segments));
    std::memcpy(bytes_.data() + kCodeOffset, code.data(), code.size());
    if (!data.empty()) std::memcpy(bytes_.data() + data_offset, data.data(), data.size());
  }

  std::vector<uint8_t>& bytes() { return bytes_; }
  Elf64_Ehdr& header() { return *reinterpret_cast<Elf64_Ehdr*>(bytes_.data()); }

  Result<ElfImage> open() const {
    char path[] = "/tmp/tacit-elf-XXXXXX";
    const int fd = ::mkstemp(path);
    if (::write(fd, bytes_.data(), bytes_.size()) != static_cast<ssize_t>(bytes_.size()))
      return fail("cannot write the test's file");
    ::close(fd);
    auto image = ElfImage::open(path);
    ::unlink(path);
    return image;
  }

 private:
  std::vector<uint8_t> bytes_;
};

}  // namespace tacit::runtime
