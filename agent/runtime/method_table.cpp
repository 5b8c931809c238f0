// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime/method_table.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>

namespace tacit::runtime {
namespace {

constexpr uint64_t kEntryBytes = 32;  // name, function, int flags, doc
constexpr size_t kMaxDataBytes = 32 << 20;
constexpr size_t kMaxTableEntries = 256;

struct Block {
  uint64_t address = 0;
  std::vector<std::byte> bytes;
  bool contains(uint64_t at, size_t size) const {
    return at >= address && at - address <= bytes.size() && bytes.size() - (at - address) >= size;
  }
};

// What the file's data holds once it is loaded (load bias 0).
class LoadedData {
 public:
  explicit LoadedData(const ElfImage& image) : image_(image) {
    for (const auto& segment : image.segments()) {
      if (segment.executable) continue;
      blocks_.push_back({segment.addresses.begin,
                         image.read(segment.addresses.begin,
                                    std::min<uint64_t>(kMaxDataBytes, segment.addresses.end -
                                                                          segment.addresses.begin))});
    }
  }

  void relocate() {
    for (const auto& [address, value] : image_.relocated_words())
      for (auto& block : blocks_)
        if (block.contains(address, 8))
          std::memcpy(block.bytes.data() + (address - block.address), &value, 8);
  }

  std::optional<uint64_t> word(uint64_t address) const {
    for (const auto& block : blocks_) {
      if (!block.contains(address, 8)) continue;
      uint64_t value = 0;
      std::memcpy(&value, block.bytes.data() + (address - block.address), 8);
      return value;
    }
    return std::nullopt;
  }

  bool is_code(uint64_t address) const {
    return std::any_of(image_.segments().begin(), image_.segments().end(), [&](const auto& each) {
      return each.executable && each.addresses.contains(address);
    });
  }

  // Where this text stands with its end; linkers let a name be the end of a longer one.
  std::vector<uint64_t> places_of(std::string_view text) const {
    const std::string with_end = std::string(text) + '\0';
    std::vector<uint64_t> places;
    for (const auto& block : blocks_) {
      const std::string_view all(reinterpret_cast<const char*>(block.bytes.data()),
                                 block.bytes.size());
      for (size_t at = all.find(with_end); at != all.npos; at = all.find(with_end, at + 1))
        places.push_back(block.address + at);
    }
    std::sort(places.begin(), places.end());
    return places;
  }

  // Table entries whose name stands at one of these places.
  std::vector<uint64_t> entries_named(const std::vector<uint64_t>& places) const {
    std::vector<uint64_t> entries;
    if (places.empty()) return entries;
    for (const auto& block : blocks_)
      for (size_t at = 0; at + kEntryBytes <= block.bytes.size(); at += 8) {
        uint64_t words[2];
        std::memcpy(words, block.bytes.data() + at, sizeof(words));
        if (words[0] < places.front() || words[0] > places.back()) continue;
        if (std::binary_search(places.begin(), places.end(), words[0]) && is_code(words[1]))
          entries.push_back(block.address + at);
      }
    return entries;
  }

 private:
  const ElfImage& image_;
  std::vector<Block> blocks_;
};

class TableReader {
 public:
  TableReader(const LoadedData& data, std::span<const std::string_view> names)
      : data_(data), names_(names) {
    for (const auto name : names) places_.push_back(data.places_of(name));
  }

  std::vector<std::vector<Method>> tables() const {
    std::vector<std::vector<Method>> found;
    for (const uint64_t entry : data_.entries_named(places_.front())) {
      std::vector<Method> methods(names_.size());
      collect(entry, kEntryBytes, methods);
      collect(entry - kEntryBytes, -kEntryBytes, methods);
      const bool complete = std::all_of(methods.begin(), methods.end(),
                                        [](const Method& each) { return each.function != 0; });
      if (complete) found.push_back(std::move(methods));
    }
    return found;
  }

 private:
  // From one entry on in one direction, as long as there are entries.
  void collect(uint64_t entry, uint64_t step, std::vector<Method>& methods) const {
    for (size_t i = 0; i < kMaxTableEntries; ++i, entry += step) {
      const auto name = data_.word(entry), function = data_.word(entry + 8),
                 flags = data_.word(entry + 16);
      if (!name || !function || !flags || !data_.is_code(*function)) return;
      for (size_t n = 0; n < names_.size(); ++n)
        if (std::find(places_[n].begin(), places_[n].end(), *name) != places_[n].end())
          methods[n] = {std::string(names_[n]), *function, static_cast<uint32_t>(*flags)};
    }
  }

  const LoadedData& data_;
  std::span<const std::string_view> names_;
  std::vector<std::vector<uint64_t>> places_;
};

}  // namespace

std::vector<std::vector<Method>> find_methods(const ElfImage& image,
                                              std::span<const std::string_view> names) {
  if (names.empty()) return {};
  LoadedData data(image);
  if (data.places_of(names.front()).empty()) return {};  // soon done with most files
  data.relocate();
  return TableReader(data, names).tables();
}

}  // namespace tacit::runtime
