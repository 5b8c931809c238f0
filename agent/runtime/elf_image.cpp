// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime/elf_image.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

namespace tacit::runtime {
namespace {

constexpr size_t kMaxSegments = 256;
constexpr size_t kMaxSections = 4096;
constexpr uint64_t kMaxTableBytes = 128 << 20;  // of one symbol, string or relocation table
constexpr size_t kMaxNameBytes = 4096;
constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kMaxStringsHeld = 8 << 20;

template <typename T>
std::optional<T> record_at(const std::vector<std::byte>& bytes, size_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T record;
  std::memcpy(&record, bytes.data() + offset, sizeof(T));
  return record;
}

std::string_view string_at(const std::vector<std::byte>& table, size_t offset) {
  if (offset >= table.size()) return {};
  const char* begin = reinterpret_cast<const char*>(table.data()) + offset;
  return {begin, ::strnlen(begin, std::min(table.size() - offset, kMaxNameBytes))};
}

// A symbol that has a place in the file's code or data.
bool is_place(const Elf64_Sym& symbol) {
  return symbol.st_shndx != SHN_UNDEF && symbol.st_value != 0 &&
         ELF64_ST_TYPE(symbol.st_info) != STT_TLS;
}

// Where a wanted name begins in a piece of a string table that stands at `origin`; of strings that begin
// in the first `own` bytes. Linkers let a name share the end of a longer one, which is looked for where
// that has underscores in front (cudaLaunchKernel in __cudaLaunchKernel).
void find_names(std::string_view text, size_t own, uint64_t origin,
                const std::unordered_set<std::string_view>& wanted,
                std::unordered_map<uint64_t, std::string_view>& places) {
  for (size_t at = 0; at < own && at < text.size();) {
    const void* end = std::memchr(text.data() + at, 0, text.size() - at);
    if (end == nullptr) return;
    const auto length = static_cast<size_t>(static_cast<const char*>(end) - text.data()) - at;
    for (size_t skip = 0; skip <= 2 && skip < length; ++skip) {
      const auto found = wanted.find(text.substr(at + skip, length - skip));
      if (found != wanted.end()) places.try_emplace(origin + at + skip, *found);
      if (text[at + skip] != '_') break;
    }
    at += length + 1;
  }
}

Machine machine_of(uint16_t number) {
  if (number == EM_X86_64) return Machine::kX86_64;
  return number == EM_AARCH64 ? Machine::kArm64 : Machine::kOther;
}

}  // namespace

Result<ElfImage> ElfImage::open(const std::string& path) {
  ElfImage image;
  image.fd_ = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat status {};
  if (!image.fd_.valid() || ::fstat(image.fd_.get(), &status) != 0)
    return fail(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
  if (!S_ISREG(status.st_mode)) return fail(path + " is not a regular file");
  image.size_bytes_ = static_cast<uint64_t>(status.st_size);
  if (auto read = image.read_headers(); !read) return fail(path + read.error().message);
  return image;
}

std::vector<std::byte> ElfImage::read_file(uint64_t offset, size_t size) const {
  if (offset >= size_bytes_) return {};
  size = static_cast<size_t>(std::min<uint64_t>({size, size_bytes_ - offset, kMaxTableBytes}));
  std::vector<std::byte> bytes(size);
  size_t got = 0;
  while (got < size) {
    const ssize_t n = ::pread(fd_.get(), bytes.data() + got, size - got,
                              static_cast<off_t>(offset + got));
    if (n <= 0) break;
    got += static_cast<size_t>(n);
  }
  bytes.resize(got);
  return bytes;
}

Result<void> ElfImage::read_headers() {
  const auto header = record_at<Elf64_Ehdr>(read_file(0, sizeof(Elf64_Ehdr)), 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return fail(" is not ELF");
  if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB)
    return fail(" is not 64-bit little-endian ELF");
  machine_ = machine_of(header->e_machine);
  position_independent_ = header->e_type == ET_DYN;
  if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum > kMaxSegments)
    return fail(" has a program header table of an unknown form");
  const auto table = read_file(header->e_phoff, sizeof(Elf64_Phdr) * header->e_phnum);
  if (auto read = read_segments(table, header->e_phnum); !read) return read;
  // Sections may have been stripped away; then there are none.
  if (header->e_shentsize != sizeof(Elf64_Shdr) || header->e_shnum > kMaxSections) return {};
  return read_sections(header->e_shoff, header->e_shnum, header->e_shstrndx);
}

Result<void> ElfImage::read_segments(const std::vector<std::byte>& table, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    const auto segment = record_at<Elf64_Phdr>(table, i * sizeof(Elf64_Phdr));
    if (!segment) return fail(" ends inside its program headers");
    const AddressRange addresses{segment->p_vaddr, segment->p_vaddr + segment->p_filesz};
    if (addresses.end < addresses.begin) return fail(" has a segment of impossible size");
    if (segment->p_type == PT_GNU_EH_FRAME) unwind_index_ = addresses;
    if (segment->p_type != PT_LOAD) continue;
    segments_.push_back({addresses, segment->p_offset, (segment->p_flags & PF_X) != 0});
  }
  return {};
}

Result<void> ElfImage::read_sections(uint64_t offset, size_t count, size_t names_index) {
  const auto table = read_file(offset, count * sizeof(Elf64_Shdr));
  const auto names_header = record_at<Elf64_Shdr>(table, names_index * sizeof(Elf64_Shdr));
  std::vector<std::byte> names;
  if (names_header)
    names = read_file(names_header->sh_offset,
                      static_cast<size_t>(std::min<uint64_t>(names_header->sh_size, 1 << 20)));
  for (size_t i = 0; i < count; ++i) {
    const auto header = record_at<Elf64_Shdr>(table, i * sizeof(Elf64_Shdr));
    if (!header) break;
    const uint64_t size = std::min(header->sh_size, kMaxTableBytes);
    sections_.push_back({std::string(string_at(names, header->sh_name)), header->sh_type,
                         header->sh_addr, header->sh_offset, size, header->sh_link});
  }
  return {};
}

const ElfSection* ElfImage::section(std::string_view name) const {
  const auto found = std::find_if(sections_.begin(), sections_.end(),
                                  [&](const ElfSection& each) { return each.name == name; });
  return found == sections_.end() ? nullptr : &*found;
}

void ElfImage::find_symbols(const ElfSection& table, std::span<const std::string_view> names,
                            std::map<std::string, Symbol, std::less<>>& found) const {
  if (table.link >= sections_.size()) return;
  std::unordered_set<std::string_view> wanted;
  for (const auto name : names)
    if (!found.contains(name)) wanted.insert(name);
  if (wanted.empty()) return;
  const ElfSection& strings_section = sections_[table.link];
  if (strings_section.size_bytes > kMaxStringsHeld)
    return find_symbols_of_many(table, strings_section, wanted, found);
  const auto strings = read_file(strings_section.file_offset, strings_section.size_bytes);
  const auto symbols = read_file(table.file_offset, table.size_bytes);
  for (size_t at = 0; const auto symbol = record_at<Elf64_Sym>(symbols, at);
       at += sizeof(Elf64_Sym)) {
    if (!is_place(*symbol)) continue;
    const auto name = string_at(strings, symbol->st_name);
    if (wanted.contains(name)) found.try_emplace(std::string(name), symbol->st_value, symbol->st_size);
  }
}

// Tables too large to hold (PyTorch: 500,000 names, 80 MB): the wanted names' places first, then who
// is called by one of them. Both are read piece by piece.
void ElfImage::find_symbols_of_many(const ElfSection& table, const ElfSection& strings,
                                    const std::unordered_set<std::string_view>& wanted,
                                    std::map<std::string, Symbol, std::less<>>& found) const {
  std::unordered_map<uint64_t, std::string_view> places;
  constexpr size_t kPiece = 1 << 20;
  for (uint64_t at = 0; at < strings.size_bytes; at += kPiece) {
    // A name that crosses the border ends in the overlap; what goes on from the piece before is cut off
    // here, and so is no wanted name, but in places that no symbol names.
    const auto piece = read_file(strings.file_offset + at,
                                 std::min(kPiece + kMaxNameBytes, strings.size_bytes - at));
    if (piece.empty()) break;
    const std::string_view text(reinterpret_cast<const char*>(piece.data()), piece.size());
    find_names(text, kPiece, at, wanted, places);
  }
  constexpr size_t kEntries = kPiece / sizeof(Elf64_Sym) * sizeof(Elf64_Sym);
  for (uint64_t at = 0; at < table.size_bytes; at += kEntries) {
    const auto piece = read_file(table.file_offset + at, std::min(kEntries, table.size_bytes - at));
    if (piece.empty()) break;
    for (size_t next = 0; const auto symbol = record_at<Elf64_Sym>(piece, next);
         next += sizeof(Elf64_Sym)) {
      const auto place = places.find(symbol->st_name);
      if (place != places.end() && is_place(*symbol))
        found.try_emplace(std::string(place->second), symbol->st_value, symbol->st_size);
    }
  }
}

std::map<std::string, Symbol, std::less<>> ElfImage::symbols(
    std::span<const std::string_view> names, Tables tables) const {
  std::map<std::string, Symbol, std::less<>> found;
  for (const uint32_t type : {SHT_DYNSYM, SHT_SYMTAB})
    for (const auto& section : sections_)
      if (section.type == type && (tables == Tables::kAll || type == SHT_DYNSYM))
        find_symbols(section, names, found);
  return found;
}

// .eh_frame_hdr (Linux Standard Base, "DWARF extensions"): version 1, a pointer, a count and a table
// sorted by address, in the only encoding that linkers write: 4-byte offsets from the section.
std::optional<AddressRange> ElfImage::function_around(uint64_t address) const {
  constexpr uint8_t kDataRelative4 = 0x3b, kUnsigned4 = 0x03;
  constexpr uint64_t kTableStart = 12;
  const uint64_t base = unwind_index_.begin;
  const auto head = read(base, kTableStart);
  if (head.size() < kTableStart || std::to_integer<uint8_t>(head[0]) != 1 ||
      std::to_integer<uint8_t>(head[2]) != kUnsigned4 ||
      std::to_integer<uint8_t>(head[3]) != kDataRelative4)
    return std::nullopt;
  struct Entry {
    int32_t function, description;
  };
  uint64_t low = 0, high = *record_at<uint32_t>(head, 8);
  std::optional<Entry> best;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    const auto entry = record_at<Entry>(
        read(base + kTableStart + middle * sizeof(Entry), sizeof(Entry)), 0);
    if (!entry) return std::nullopt;
    if (base + static_cast<uint64_t>(int64_t{entry->function}) <= address) {
      best = entry;
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (!best) return std::nullopt;
  // The frame description: length, its CIE, begin (relative to itself) and size.
  const uint64_t begin = base + static_cast<uint64_t>(int64_t{best->function});
  const uint64_t description = base + static_cast<uint64_t>(int64_t{best->description});
  const auto bytes = read(description, 16);
  const auto relative = record_at<int32_t>(bytes, 8);
  const auto size = record_at<uint32_t>(bytes, 12);
  if (!size || description + 8 + static_cast<uint64_t>(int64_t{*relative}) != begin)
    return std::nullopt;
  const AddressRange range{begin, begin + *size};
  return range.contains(address) ? std::optional(range) : std::nullopt;
}

std::optional<uint64_t> ElfImage::file_offset(uint64_t address) const {
  for (const auto& segment : segments_)
    if (segment.addresses.contains(address))
      return segment.file_offset + (address - segment.addresses.begin);
  return std::nullopt;
}

std::vector<std::byte> ElfImage::read(uint64_t address, size_t size) const {
  for (const auto& segment : segments_) {
    if (!segment.addresses.contains(address)) continue;
    const uint64_t left = segment.addresses.end - address;
    return read_file(segment.file_offset + (address - segment.addresses.begin),
                     static_cast<size_t>(std::min<uint64_t>(size, left)));
  }
  return {};
}

std::optional<uint64_t> ElfImage::read_word(uint64_t address) const {
  return record_at<uint64_t>(read(address, 8), 0);
}

std::vector<uint64_t> ElfImage::symbol_addresses() const {
  std::vector<uint64_t> addresses;
  for (const auto& section : sections_) {
    if (section.type != SHT_DYNSYM) continue;
    const auto symbols = read_file(section.file_offset, section.size_bytes);
    for (size_t at = 0; const auto symbol = record_at<Elf64_Sym>(symbols, at);
         at += sizeof(Elf64_Sym))
      addresses.push_back(symbol->st_shndx == SHN_UNDEF ? 0 : symbol->st_value);
    break;
  }
  return addresses;
}

std::vector<std::pair<uint64_t, uint64_t>> ElfImage::relocated_words(
    Relocations which) const {
  std::vector<std::pair<uint64_t, uint64_t>> words;
  if (machine_ != Machine::kX86_64) return words;
  const auto addresses = symbol_addresses();
  for (const auto& section : sections_) {
    if (section.type != SHT_RELA || section.name != ".rela.dyn") continue;
    const auto table = read_file(section.file_offset, section.size_bytes);
    for (size_t at = 0; const auto entry = record_at<Elf64_Rela>(table, at);
         at += sizeof(Elf64_Rela)) {
      const auto type = ELF64_R_TYPE(entry->r_info);
      const size_t symbol = ELF64_R_SYM(entry->r_info);
      const auto addend = static_cast<uint64_t>(entry->r_addend);
      if (type == R_X86_64_RELATIVE && which == Relocations::kAll)
        words.emplace_back(entry->r_offset, addend);
      if (type != R_X86_64_GLOB_DAT && type != R_X86_64_64) continue;
      if (symbol < addresses.size() && addresses[symbol] != 0)
        words.emplace_back(entry->r_offset,
                           addresses[symbol] + (type == R_X86_64_64 ? addend : 0));
    }
  }
  std::sort(words.begin(), words.end());
  return words;
}

std::optional<uint64_t> relocated(const std::vector<std::pair<uint64_t, uint64_t>>& words,
                                  uint64_t address) {
  const auto found = std::lower_bound(words.begin(), words.end(), std::pair{address, uint64_t{0}});
  if (found == words.end() || found->first != address) return std::nullopt;
  return found->second;
}

uint64_t load_bias(std::span<const ElfSegment> segments, uint64_t mapped_start,
                   uint64_t mapped_file_offset) {
  for (const auto& segment : segments) {
    const uint64_t begin = segment.file_offset & ~(kPageBytes - 1);
    const uint64_t end = segment.file_offset + (segment.addresses.end - segment.addresses.begin);
    if (mapped_file_offset >= begin && mapped_file_offset < end)
      return mapped_start - mapped_file_offset - (segment.addresses.begin - segment.file_offset);
  }
  return 0;
}

}  // namespace tacit::runtime
