// SPDX-License-Identifier: Apache-2.0
// One ELF file of a target (elf(5), 64-bit little endian), read by pread so that a file that shrinks
// cannot hurt. Everything in it is hostile: every table is bounded, and what does not fit is absent.
// "Address" is an address as the file was linked; a process has it at address + load bias.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "agent/base/fd.h"
#include "agent/base/result.h"

namespace tacit::runtime {

enum class Machine { kX86_64, kArm64, kOther };

struct Symbol {
  uint64_t address = 0;
  uint64_t size_bytes = 0;  // 0: the file does not say
};

struct AddressRange {
  uint64_t begin = 0;
  uint64_t end = 0;
  bool contains(uint64_t address) const { return address >= begin && address < end; }
};

struct ElfSection {
  std::string name;
  uint32_t type = 0;  // SHT_*
  uint64_t address = 0;
  uint64_t file_offset = 0;
  uint64_t size_bytes = 0;
  uint32_t link = 0;
};

struct ElfSegment {
  AddressRange addresses;  // as far as the file has bytes for it
  uint64_t file_offset = 0;
  bool executable = false;
};

class ElfImage {
 public:
  // `path`: /proc/PID/root/…, /proc/PID/exe, /proc/PID/map_files/….
  static Result<ElfImage> open(const std::string& path);

  Machine machine() const { return machine_; }
  bool position_independent() const { return position_independent_; }
  const std::vector<ElfSection>& sections() const { return sections_; }
  const std::vector<ElfSegment>& segments() const { return segments_; }  // PT_LOAD
  const ElfSection* section(std::string_view name) const;

  // Symbols by name with an address, from .dynsym and then .symtab; one pass over each table, so
  // ask for all at once. Absent names are absent from the answer. Of equal names the first counts.
  // kExported: .dynsym alone, which is small where .symtab may have a hundred megabytes.
  enum class Tables { kAll, kExported };
  std::map<std::string, Symbol, std::less<>> symbols(std::span<const std::string_view> names,
                                                     Tables tables = Tables::kAll) const;

  // The code around `address` that unwinding takes for one function (.eh_frame_hdr: there in
  // stripped files too; parts of a function split off as cold are ranges of their own).
  std::optional<AddressRange> function_around(uint64_t address) const;

  std::optional<uint64_t> file_offset(uint64_t address) const;
  // Up to `size` bytes from `address`; fewer at the end of its segment, none outside.
  std::vector<std::byte> read(uint64_t address, size_t size) const;
  std::optional<uint64_t> read_word(uint64_t address) const;  // 8 bytes
  std::vector<std::byte> read_file(uint64_t file_offset, size_t size) const;

  // What a word holds once loaded, where R_*_RELATIVE, R_*_GLOB_DAT or R_*_64 fill it (bias not
  // added): the way from a table of pointers to what it points to. One pass over .rela.dyn for all.
  // Sorted by place. kSymbols: only those filled with a symbol's address (GOT), which are few.
  enum class Relocations { kSymbols, kAll };
  std::vector<std::pair<uint64_t, uint64_t>> relocated_words(
      Relocations which = Relocations::kAll) const;

 private:
  ElfImage() = default;
  Result<void> read_headers();
  Result<void> read_segments(const std::vector<std::byte>& table, size_t count);
  Result<void> read_sections(uint64_t offset, size_t count, size_t names_index);
  void find_symbols(const ElfSection& table, std::span<const std::string_view> names,
                    std::map<std::string, Symbol, std::less<>>& found) const;
  void find_symbols_of_many(const ElfSection& table, const ElfSection& strings,
                            const std::unordered_set<std::string_view>& wanted,
                            std::map<std::string, Symbol, std::less<>>& found) const;
  std::vector<uint64_t> symbol_addresses() const;

  Fd fd_;
  uint64_t size_bytes_ = 0;
  Machine machine_ = Machine::kOther;
  bool position_independent_ = false;
  std::vector<ElfSection> sections_;
  std::vector<ElfSegment> segments_;
  AddressRange unwind_index_;  // PT_GNU_EH_FRAME
};

// What is to be added to addresses of an image that a process maps from `mapped_file_offset` on at
// `mapped_start`.
uint64_t load_bias(std::span<const ElfSegment> segments, uint64_t mapped_start,
                   uint64_t mapped_file_offset);

// Where in relocated_words() a word stands; nullopt: nothing fills it.
std::optional<uint64_t> relocated(const std::vector<std::pair<uint64_t, uint64_t>>& words,
                                  uint64_t address);

}  // namespace tacit::runtime
