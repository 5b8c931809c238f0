// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime/elf_image.h"

#include <gtest/gtest.h>

#include <array>

#include "agent/runtime/known_image.h"
#include "tests/unit/runtime/made_elf.h"

namespace tacit::runtime {
namespace {

TEST(ElfImageTest, AddressesAndOffsets) {
  const auto image = MadeElf({0x90, 0xc3}, {1, 0, 0, 0, 0, 0, 0, 0}).open();
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->machine(), Machine::kX86_64);
  EXPECT_FALSE(image->position_independent());
  EXPECT_EQ(image->file_offset(kCode + 1), 0x1001u);
  EXPECT_FALSE(image->file_offset(kCode + 2));
  EXPECT_EQ(image->read(kCode, 100).size(), 2u);
  EXPECT_EQ(image->read_word(kData), 1u);
  EXPECT_FALSE(image->read_word(kData + 1));
  EXPECT_EQ(load_bias(image->segments(), 0x7f0000001000, 0x1000), 0x7f0000001000 - kCode);
  EXPECT_EQ(load_bias(image->segments(), kCode, 0x1000), 0u);
}

TEST(ElfImageTest, WhatIsNoElfFileIsAnError) {
  EXPECT_FALSE(ElfImage::open("/nonexistent"));
  EXPECT_FALSE(ElfImage::open("/"));
  EXPECT_FALSE(ElfImage::open("/dev/null"));
  EXPECT_FALSE(ElfImage::open("/proc/self/status"));
}

TEST(ElfImageTest, BrokenHeadersAreAnErrorOrAbsent) {
  MadeElf cut({0xc3});
  cut.bytes().resize(80);
  EXPECT_FALSE(cut.open());
  MadeElf many({0xc3});
  many.header().e_phnum = 0xffff;
  EXPECT_FALSE(many.open());
  MadeElf narrow({0xc3});
  narrow.header().e_ident[EI_CLASS] = ELFCLASS32;
  EXPECT_FALSE(narrow.open());
  MadeElf endless({0xc3});
  reinterpret_cast<Elf64_Phdr*>(endless.bytes().data() + sizeof(Elf64_Ehdr))->p_filesz = UINT64_MAX;
  EXPECT_FALSE(endless.open());
  MadeElf sections({0xc3});
  sections.header().e_shoff = 16;  // somewhere in the header itself
  sections.header().e_shentsize = sizeof(Elf64_Shdr);
  sections.header().e_shnum = 4000;
  sections.header().e_shstrndx = 3999;
  const auto image = sections.open();
  ASSERT_TRUE(image);
  const std::array<std::string_view, 1> names = {"main"};
  EXPECT_TRUE(image->symbols(names).empty());
}

TEST(ElfImageTest, ItsOwnProgramHasSymbolsAndUnwindRanges) {
  const auto image = ElfImage::open("/proc/self/exe");
  ASSERT_TRUE(image) << image.error().message;
  const std::array<std::string_view, 2> names = {"main", "no such symbol"};
  const auto symbols = image->symbols(names);
  ASSERT_EQ(symbols.size(), 1u);
  const auto main = symbols.at("main");
  const auto range = image->function_around(main.address + 1);
  ASSERT_TRUE(range);
  EXPECT_EQ(range->begin, main.address);
  EXPECT_EQ(range->end, main.address + main.size_bytes);
}

TEST(KnownImageTest, FilesThatHoldNothingKnown) {
  for (const char* path : {"/bin/true", "/nonexistent", "/dev/null"}) {
    const auto known = recognise(path, "libpython3.so", {});
    EXPECT_EQ(known.layout.kind, static_cast<uint32_t>(RUNTIME_UNKNOWN)) << path;
    EXPECT_TRUE(known.probes.empty()) << path;
    EXPECT_TRUE(known.refused.empty()) << path;
  }
}

}  // namespace
}  // namespace tacit::runtime
