// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime/go_line_table.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <unordered_map>

namespace tacit::runtime {
namespace {

constexpr uint32_t kMagic118 = 0xfffffff0, kMagic120 = 0xfffffff1;
constexpr uint64_t kMaxFunctions = 4 << 20;
constexpr uint64_t kMaxTableBytes = 512 << 20;
constexpr uint64_t kMaxNameTableBytes = 64 << 20;  // so that a hostile one is searched in half a second
constexpr size_t kMaxOfOneName = 16;
constexpr size_t kChunkBytes = 1 << 20;
constexpr size_t kMaxCandidates = 16;

// runtime.moduledata, the same from Go 1.18 to 1.26: 8-byte words, slices are three of them.
constexpr uint64_t kFunctionTableAt = 128, kFunctionTableLengthAt = 136;
constexpr uint64_t kLowestCodeAt = 160, kHighestCodeAt = 168, kTextAt = 176;

template <typename T>
std::optional<T> value_at(std::span<const std::byte> bytes, uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

using Words = std::vector<std::pair<uint64_t, uint64_t>>;

struct LineTable {
  uint64_t address = 0;
  uint64_t end = 0;  // nothing tells the true one: its section's, or else its segment's
  GoTableHeader header;
  std::vector<std::byte> functions;
};

std::vector<std::byte> read_range(const ElfImage& image, uint64_t begin, uint64_t end) {
  return image.read(begin, static_cast<size_t>(std::min(end - begin, kMaxTableBytes)));
}

std::optional<LineTable> table_at(const ElfImage& image, uint64_t address, uint64_t bytes) {
  const auto header = parse_go_table_header(image.read(address, kGoTableHeaderBytes));
  if (!header || header->functions_offset >= bytes) return std::nullopt;
  return LineTable{address, address + bytes, *header, {}};
}

// `visit(address, chunk)`: true ends. Chunks overlap by one header.
template <typename Visit>
void for_each_chunk(const ElfImage& image, const ElfSegment& segment, Visit visit) {
  for (uint64_t at = segment.addresses.begin; at < segment.addresses.end; at += kChunkBytes) {
    const auto chunk = image.read(at, kChunkBytes + kGoTableHeaderBytes);
    if (chunk.empty() || visit(at, chunk)) return;
  }
}

std::optional<LineTable> find_table(const ElfImage& image) {
  for (const char* name : {".gopclntab", ".data.rel.ro.gopclntab"})
    if (const auto* section = image.section(name); section != nullptr)
      return table_at(image, section->address, section->size_bytes);
  std::optional<LineTable> found;
  for (const auto& segment : image.segments()) {
    if (found || segment.executable) continue;
    for_each_chunk(image, segment, [&](uint64_t begin, const std::vector<std::byte>& chunk) {
      for (size_t at = (0 - begin) % 8; at < std::min(kChunkBytes, chunk.size()) && !found; at += 8)
        if (parse_go_table_header(std::span(chunk).subspan(at)))
          found = table_at(image, begin + at, segment.addresses.end - (begin + at));
      return found.has_value();
    });
  }
  return found;
}

std::optional<uint64_t> word(const ElfImage& image, const Words& words, uint64_t address) {
  if (const auto value = relocated(words, address); value) return value;
  return image.read_word(address);
}

// Where Go's code starts, if this is the module data of that table.
std::optional<uint64_t> text_start(const ElfImage& image, const Words& words, uint64_t module_data,
                                   const LineTable& table) {
  const auto at = [&](uint64_t offset) { return word(image, words, module_data + offset); };
  const uint64_t count = table.header.function_count;
  const auto first = value_at<uint32_t>(table.functions, 0);
  const auto end = value_at<uint32_t>(table.functions, count * 8);
  const auto text = at(kTextAt);
  if (!first || !end || !text || at(0) != table.address ||
      at(kFunctionTableAt) != table.address + table.header.functions_offset ||
      at(kFunctionTableLengthAt) != count + 1 || at(kLowestCodeAt) != *text + *first ||
      at(kHighestCodeAt) != *text + *end)
    return std::nullopt;
  return text;
}

// Words that could be the first of the module data: pointers to the table.
std::vector<uint64_t> pointers_to(const ElfImage& image, const Words& words, uint64_t table) {
  std::vector<uint64_t> places;
  for (const auto& [place, value] : words)
    if (value == table && places.size() < kMaxCandidates) places.push_back(place);
  if (const auto* section = image.section(".go.module"); section != nullptr)
    places.push_back(section->address);
  if (!places.empty()) return places;
  // The data segment is the last one.
  for (auto segment = image.segments().rbegin(); segment != image.segments().rend(); ++segment) {
    if (segment->executable) continue;
    for_each_chunk(image, *segment, [&](uint64_t begin, const std::vector<std::byte>& chunk) {
      for (size_t at = (0 - begin) % 8; at < std::min(kChunkBytes, chunk.size()); at += 8)
        if (value_at<uint64_t>(chunk, at) == table) places.push_back(begin + at);
      return places.size() >= kMaxCandidates;
    });
    if (!places.empty()) return places;
  }
  return places;
}

std::unordered_map<int32_t, std::string_view> name_offsets(
    std::span<const std::byte> table, std::span<const std::string_view> names) {
  std::unordered_map<int32_t, std::string_view> offsets;
  const char* text = reinterpret_cast<const char*>(table.data());
  for (size_t at = 0; at < table.size();) {
    const std::string_view name(text + at, ::strnlen(text + at, table.size() - at));
    for (const auto wanted : names)
      if (wanted == name) offsets.emplace(static_cast<int32_t>(at), wanted);
    at += name.size() + 1;
  }
  return offsets;
}

}  // namespace

// magic (4), 0, 0, pc quantum (1 on x86, 4 on arm64), pointer size; then words: functions, files,
// start of the code (up to 1.25), and offsets of names, compilation units, files, pc data, functions.
std::optional<GoTableHeader> parse_go_table_header(std::span<const std::byte> bytes) {
  if (bytes.size() < kGoTableHeaderBytes) return std::nullopt;
  const auto magic = *value_at<uint32_t>(bytes, 0);
  const auto quantum = std::to_integer<uint8_t>(bytes[6]);
  if ((magic != kMagic118 && magic != kMagic120) || *value_at<uint16_t>(bytes, 4) != 0 ||
      (quantum != 1 && quantum != 4) || std::to_integer<uint8_t>(bytes[7]) != 8)
    return std::nullopt;
  const GoTableHeader header{.function_count = *value_at<uint64_t>(bytes, 8),
                             .names_offset = *value_at<uint64_t>(bytes, 32),
                             .names_end = *value_at<uint64_t>(bytes, 40),
                             .functions_offset = *value_at<uint64_t>(bytes, 64)};
  if (header.function_count == 0 || header.function_count > kMaxFunctions ||
      header.names_offset >= header.names_end || header.names_end > header.functions_offset ||
      header.names_end - header.names_offset > kMaxNameTableBytes ||
      header.functions_offset > kMaxTableBytes)
    return std::nullopt;
  return header;
}

// Entries of {code offset, offset of the function's record}, one more code offset as the end; a
// record begins with {code offset, offset of the name}.
GoFunctions find_in_go_table(uint64_t function_count, std::span<const std::byte> name_table,
                             std::span<const std::byte> functions,
                             std::span<const std::string_view> names) {
  GoFunctions found;
  const auto offsets = name_offsets(name_table, names);
  for (uint64_t i = 0; i < function_count; ++i) {
    const auto begin = value_at<uint32_t>(functions, i * 8);
    const auto record = value_at<uint32_t>(functions, i * 8 + 4);
    const auto end = value_at<uint32_t>(functions, i * 8 + 8);
    if (!end) break;
    const auto name = value_at<int32_t>(functions, uint64_t{*record} + 4);
    if (!name || *end <= *begin) continue;
    if (const auto wanted = offsets.find(*name); wanted != offsets.end())
      if (auto& ranges = found[std::string(wanted->second)]; ranges.size() < kMaxOfOneName)
        ranges.push_back({*begin, *end});
  }
  return found;
}

Result<GoFunctions> find_go_functions(const ElfImage& image,
                                      std::span<const std::string_view> names) {
  auto table = find_table(image);
  if (!table) return fail("it has no line table in a form that Go 1.18 or later writes");
  const auto& header = table->header;
  table->functions = read_range(image, table->address + header.functions_offset, table->end);
  const auto words = image.relocated_words();
  std::optional<uint64_t> text;
  for (const uint64_t place : pointers_to(image, words, table->address))
    if (!text) text = text_start(image, words, place, *table);
  if (!text) return fail("where its code starts was not found in its module data");
  const auto name_table = read_range(image, table->address + header.names_offset,
                                     table->address + header.names_end);
  auto found = find_in_go_table(header.function_count, name_table, table->functions, names);
  for (auto& [name, ranges] : found)
    for (auto& range : ranges) range = {range.begin + *text, range.end + *text};
  return found;
}

}  // namespace tacit::runtime
