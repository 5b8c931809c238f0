// SPDX-License-Identifier: Apache-2.0
// Go binaries made by hand: what is read from them, and what of broken and hostile ones is believed.
// Real builds of each release are in tests/bpf/go_test.cpp.
#include <elf.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "agent/runtime/go_build_info.h"
#include "agent/runtime/go_line_table.h"
#include "agent/runtime/known_image.h"

namespace tacit::runtime {
namespace {

constexpr uint64_t kData = 0x500000;  // address of the file's one segment
constexpr uint64_t kText = 0x401000;
constexpr uint32_t kMagic118 = 0xfffffff0, kMagic120 = 0xfffffff1;

template <typename T>
void put(std::string& bytes, uint64_t at, T value) {
  if (bytes.size() < at + sizeof(T)) bytes.resize(at + sizeof(T));
  std::memcpy(bytes.data() + at, &value, sizeof(T));
}

void put_text(std::string& bytes, uint64_t at, std::string_view text) {
  if (bytes.size() < at + text.size()) bytes.resize(at + text.size());
  std::memcpy(bytes.data() + at, text.data(), text.size());
}

std::span<const std::byte> view(const std::string& bytes) {
  return std::as_bytes(std::span(bytes.data(), bytes.size()));
}

// An ELF file without sections whose one segment holds `data`.
class File {
 public:
  explicit File(const std::string& data) : fd_(::memfd_create("go", MFD_CLOEXEC)) {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_EXEC;
    header.e_machine = EM_X86_64;
    header.e_phoff = sizeof(header);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 1;
    Elf64_Phdr segment{};
    segment.p_type = PT_LOAD;
    segment.p_flags = PF_R | PF_W;
    segment.p_offset = 4096;
    segment.p_vaddr = kData;
    segment.p_filesz = segment.p_memsz = data.size();
    std::string file(4096, '\0');
    put(file, 0, header);
    put(file, sizeof(header), segment);
    file += data;
    EXPECT_EQ(::write(fd_, file.data(), file.size()), static_cast<ssize_t>(file.size()));
  }
  ~File() { ::close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  std::string path() const { return fmt::format("/proc/self/fd/{}", fd_); }
  ElfImage image() const { return std::move(*ElfImage::open(path())); }

 private:
  int fd_;
};

std::string build_info(uint8_t flags) {
  std::string data(64, '\0');
  put_text(data, 32, "\xff Go buildinf:");
  put<uint8_t>(data, 46, 8);
  put<uint8_t>(data, 47, flags);
  return data;
}

TEST(GoBuildInfo, ReadsBothForms) {
  std::string text = build_info(2);
  put_text(text, 64, "\x08go1.22.3");
  const auto since_118 = find_go_version(File(text).image());
  ASSERT_TRUE(since_118);
  EXPECT_EQ(since_118->text, "go1.22.3");
  EXPECT_EQ(since_118->major, 1);
  EXPECT_EQ(since_118->minor, 22);

  std::string pointers = build_info(0);
  put<uint64_t>(pointers, 48, kData + 128);
  put<uint64_t>(pointers, 128, kData + 160);
  put<uint64_t>(pointers, 136, 8);
  put_text(pointers, 160, "go1.17.2");
  const auto before = find_go_version(File(pointers).image());
  ASSERT_TRUE(before);
  EXPECT_EQ(before->minor, 17);
}

TEST(GoBuildInfo, BrokenOnesTellNoRelease) {
  EXPECT_FALSE(find_go_version(File(std::string(256, 'x')).image()));
  std::string too_long = build_info(2);
  put_text(too_long, 64, "\xff\xffgo1.22");
  EXPECT_EQ(find_go_version(File(too_long).image())->major, 0);
  std::string nowhere = build_info(0);
  put<uint64_t>(nowhere, 48, ~uint64_t{0});
  EXPECT_EQ(find_go_version(File(nowhere).image())->major, 0);
  EXPECT_EQ(find_go_version(File(build_info(2)).image())->major, 0);
}

TEST(GoBuildInfo, KnowsReleasesFromOtherTexts) {
  EXPECT_EQ(parse_go_version("go1.24").minor, 24);
  EXPECT_EQ(parse_go_version("go1.25rc2").minor, 25);
  EXPECT_EQ(parse_go_version("go1.24.1 X:boringcrypto").minor, 24);
  for (const char* text : {"", "go", "go1", "go1.", "go1.x", "devel go1.27-012345", "go0.9", "1.22",
                           "go1.-2", "go99999999999.1"})
    EXPECT_EQ(parse_go_version(text).major, 0) << text;
}

TEST(GoImage, AnUnknownReleaseIsRefusedByName) {
  std::string data = build_info(2);
  put_text(data, 64, "\x06go1.99");
  const auto known = recognise(File(data).path(), "program", {});
  EXPECT_EQ(known.layout.kind, static_cast<uint32_t>(RUNTIME_UNKNOWN));
  EXPECT_TRUE(known.probes.empty());
  EXPECT_EQ(known.refused,
            std::vector<std::string>{
                "Go: goroutines of go1.99 are not told apart: only Go 1.18 to 1.26 are known"});
}

TEST(GoImage, AKnownReleaseWithoutItsTablesIsRefused) {
  std::string data = build_info(2);
  put_text(data, 64, "\x06go1.22");
  const auto known = recognise(File(data).path(), "program", {});
  EXPECT_EQ(known.layout.kind, static_cast<uint32_t>(RUNTIME_UNKNOWN));
  EXPECT_EQ(known.refused,
            std::vector<std::string>{"Go: goroutines are not told apart: it has no line table in a "
                                     "form that Go 1.18 or later writes"});
}

// Three functions: main.a [0, 16), main.b [16, 32), main.a (a wrapper) [32, 80).
struct Table {
  static constexpr uint64_t kNames = 72, kNamesEnd = 86, kFunctions = 88;
  std::string names = std::string("main.a\0main.b\0", 14);
  std::string functions;

  Table() {
    const uint32_t entries[] = {0, 28, 16, 36, 32, 44, 80};
    for (size_t i = 0; i < 7; ++i) put(functions, i * 4, entries[i]);
    const uint32_t records[] = {0, 0, 16, 7, 32, 0};
    for (size_t i = 0; i < 6; ++i) put(functions, 28 + i * 4, records[i]);
  }

  std::string whole(uint32_t magic) const {
    std::string bytes(kFunctions, '\0');
    put(bytes, 0, magic);
    put<uint8_t>(bytes, 6, 1);
    put<uint8_t>(bytes, 7, 8);
    put<uint64_t>(bytes, 8, 3);
    put<uint64_t>(bytes, 32, kNames);
    put<uint64_t>(bytes, 40, kNamesEnd);
    put<uint64_t>(bytes, 64, kFunctions);
    put_text(bytes, kNames, names);
    return bytes + functions;
  }
};

using Ranges = std::vector<std::pair<uint64_t, uint64_t>>;
Ranges ranges(const GoFunctions& functions, const char* name) {
  Ranges all;
  if (const auto found = functions.find(name); found != functions.end())
    for (const auto& range : found->second) all.emplace_back(range.begin, range.end);
  return all;
}

constexpr std::string_view kWanted[] = {"main.a", "main.b", "main.c", "ain.a", ""};

TEST(GoLineTable, FindsFunctionsByTheirWholeName) {
  const Table table;
  const auto found = find_in_go_table(3, view(table.names), view(table.functions), kWanted);
  EXPECT_EQ(found.size(), 2u);
  EXPECT_EQ(ranges(found, "main.a"), (Ranges{{0, 16}, {32, 80}}));
  EXPECT_EQ(ranges(found, "main.b"), (Ranges{{16, 32}}));
}

TEST(GoLineTable, WhatLiesOutsideIsAbsent) {
  Table table;
  put<uint32_t>(table.functions, 4, 0xfffffffe);  // the first function's record
  put<uint32_t>(table.functions, 8, 90);          // so the second ends before it begins
  const auto found = find_in_go_table(1 << 20, view(table.names), view(table.functions), kWanted);
  EXPECT_EQ(ranges(found, "main.b"), Ranges{});
  const auto cut = find_in_go_table(3, view(table.names), view(table.functions).first(11), kWanted);
  EXPECT_TRUE(cut.empty());
}

TEST(GoLineTable, HeadersMustMakeSense) {
  for (const uint32_t magic : {kMagic118, kMagic120}) {
    const std::string good = Table().whole(magic);
    const auto header = parse_go_table_header(view(good));
    ASSERT_TRUE(header);
    EXPECT_EQ(header->function_count, 3u);
    EXPECT_EQ(header->functions_offset, Table::kFunctions);
    EXPECT_FALSE(parse_go_table_header(view(good).first(71)));
    const std::pair<uint64_t, uint64_t> faults[] = {{8, 0}, {8, 1ULL << 40}, {32, 86}, {40, 1000},
                                                    {64, 1ULL << 60}, {0, 0xfffffffb}};
    for (const auto& [at, value] : faults) {
      std::string bad = good;
      put(bad, at, value);
      EXPECT_FALSE(parse_go_table_header(view(bad))) << at << " " << value;
    }
  }
}

// A table at kData + 16 and the module data that belongs to it.
std::string program(uint32_t magic) {
  constexpr uint64_t kTable = 16, kModule = 512;
  std::string data(kModule + 256, '\0');
  put_text(data, kTable, Table().whole(magic));
  put<uint64_t>(data, 480, kData + kTable);  // a pointer to the table that is no module data
  put<uint64_t>(data, kModule, kData + kTable);
  put<uint64_t>(data, kModule + 128, kData + kTable + Table::kFunctions);
  put<uint64_t>(data, kModule + 136, 4);
  put<uint64_t>(data, kModule + 160, kText);
  put<uint64_t>(data, kModule + 168, kText + 80);
  put<uint64_t>(data, kModule + 176, kText);
  return data;
}

TEST(GoLineTable, AddressesComeFromTheModuleData) {
  for (const uint32_t magic : {kMagic118, kMagic120}) {
    const auto found = find_go_functions(File(program(magic)).image(), kWanted);
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(ranges(*found, "main.b"), (Ranges{{kText + 16, kText + 32}}));
  }
}

TEST(GoLineTable, ModuleDataThatDisagreesIsNotBelieved) {
  for (const uint64_t field : {128, 136, 160, 168, 176}) {
    std::string data = program(kMagic120);
    put<uint64_t>(data, 512 + field, 5);
    const auto found = find_go_functions(File(data).image(), kWanted);
    ASSERT_FALSE(found) << field;
    EXPECT_EQ(found.error().message, "where its code starts was not found in its module data");
  }
}

}  // namespace
}  // namespace tacit::runtime
