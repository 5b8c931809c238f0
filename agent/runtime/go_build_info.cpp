// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime/go_build_info.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace tacit::runtime {
namespace {

constexpr std::string_view kMagic = "\xff Go buildinf:";
constexpr size_t kHeaderBytes = 32;
constexpr size_t kAlignment = 16;
constexpr size_t kMaxTextBytes = 128;
constexpr size_t kSearchedBytes = 1 << 20;  // of each segment, where section names are gone
constexpr size_t kPointerSizeAt = 14, kFlagsAt = 15, kPointerAt = 16;
constexpr uint8_t kBigEndian = 1, kTextFollows = 2;

bool has_magic(const std::vector<std::byte>& bytes, size_t at) {
  return at <= bytes.size() && bytes.size() - at >= kHeaderBytes &&
         std::memcmp(bytes.data() + at, kMagic.data(), kMagic.size()) == 0;
}

std::optional<uint64_t> find_build_info(const ElfImage& image) {
  if (const auto* section = image.section(".go.buildinfo"); section != nullptr)
    if (has_magic(image.read(section->address, kHeaderBytes), 0)) return section->address;
  if (!image.sections().empty()) return std::nullopt;
  for (const auto& segment : image.segments()) {
    if (segment.executable) continue;
    const auto bytes = image.read(segment.addresses.begin, kSearchedBytes);
    for (size_t at = (0 - segment.addresses.begin) % kAlignment; at < bytes.size();
         at += kAlignment)
      if (has_magic(bytes, at)) return segment.addresses.begin + at;
  }
  return std::nullopt;
}

std::string text_of(const std::vector<std::byte>& bytes) {
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::replace_if(text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

// A length as a varint, then the text; a version is never as long as 128 bytes.
std::string inline_text(const ElfImage& image, uint64_t address) {
  const auto length = image.read(address, 1);
  if (length.empty() || std::to_integer<size_t>(length[0]) >= kMaxTextBytes) return {};
  return text_of(image.read(address + 1, std::to_integer<size_t>(length[0])));
}

// A pointer to a Go string: pointer and length. In position-independent files relocations fill it;
// such old ones are not worth reading them: the version stays unknown.
std::string pointed_text(const ElfImage& image, uint64_t address) {
  const auto string = image.read_word(address);
  if (!string) return {};
  const auto text = image.read_word(*string), length = image.read_word(*string + 8);
  if (!text || !length || *length > kMaxTextBytes) return {};
  return text_of(image.read(*text, static_cast<size_t>(*length)));
}

}  // namespace

std::optional<GoVersion> find_go_version(const ElfImage& image) {
  const auto address = find_build_info(image);
  if (!address) return std::nullopt;
  const auto header = image.read(*address, kHeaderBytes);
  if (!has_magic(header, 0)) return std::nullopt;
  const auto flags = std::to_integer<uint8_t>(header[kFlagsAt]);
  if ((flags & kTextFollows) != 0)
    return parse_go_version(inline_text(image, *address + kHeaderBytes));
  if ((flags & kBigEndian) != 0 || std::to_integer<uint8_t>(header[kPointerSizeAt]) != 8)
    return GoVersion{};
  return parse_go_version(pointed_text(image, *address + kPointerAt));
}

GoVersion parse_go_version(std::string_view text) {
  GoVersion version{.text = std::string(text.substr(0, kMaxTextBytes))};
  if (!text.starts_with("go")) return version;
  text.remove_prefix(2);
  const char* end = text.data() + text.size();
  int major = 0, minor = 0;
  const auto first = std::from_chars(text.data(), end, major);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '.') return version;
  const auto second = std::from_chars(first.ptr + 1, end, minor);
  if (second.ec != std::errc{} || major < 1 || minor < 0) return version;
  version.major = major;
  version.minor = minor;
  return version;
}

}  // namespace tacit::runtime
