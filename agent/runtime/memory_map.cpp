// SPDX-License-Identifier: Apache-2.0
#include "agent/runtime/memory_map.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "agent/base/fd.h"

namespace tacit::runtime {
namespace {

constexpr size_t kMaxBytes = 4 << 20;
constexpr std::string_view kDeleted = " (deleted)";

std::string read_text(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 16384> part;
  while (fd.valid() && text.size() < kMaxBytes) {
    const ssize_t n = ::read(fd.get(), part.data(), part.size());
    if (n <= 0) break;
    text.append(part.data(), static_cast<size_t>(n));
  }
  return text;
}

// Takes a number and the separator behind it off the front.
std::optional<uint64_t> take(std::string_view& text, int base) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end == text.data() + text.size()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()) + 1);
  return value;
}

struct Line {
  MappedImage image;
  bool executable = false;
};

// start-end perms offset major:minor inode    path
std::optional<Line> parse_line(std::string_view text) {
  const auto start = take(text, 16), end = take(text, 16);
  if (!start || !end || text.size() < 5) return std::nullopt;
  Line line;
  line.executable = text[2] == 'x';
  text.remove_prefix(5);
  const auto offset = take(text, 16), major = take(text, 16), minor = take(text, 16);
  const auto inode = take(text, 10);
  const size_t path = text.find('/');
  if (!offset || !major || !minor || !inode || *inode == 0 || path == std::string_view::npos)
    return std::nullopt;
  text.remove_prefix(path);
  line.image = {{*major << 32 | *minor, *inode}, std::string(text), {}, *start, *end, *offset};
  if (text.ends_with(kDeleted)) text.remove_suffix(kDeleted.size());
  line.image.name = std::string(text.substr(text.rfind('/') + 1));
  return line;
}

}  // namespace

std::vector<MappedImage> parse_maps(std::string_view text) {
  std::vector<MappedImage> images;
  std::optional<MappedImage> lowest;  // of the file whose mappings are being read
  bool added = false;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const auto line = parse_line(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line) continue;
    if (!lowest || lowest->file != line->image.file) {
      lowest = line->image;
      added = false;
    }
    const auto same = [&](const MappedImage& each) { return each.file == line->image.file; };
    if (!line->executable || added || std::any_of(images.begin(), images.end(), same)) continue;
    images.push_back(*lowest);
    added = true;
  }
  return images;
}

std::vector<MappedImage> mapped_images(uint32_t pid) {
  return parse_maps(read_text(fmt::format("/proc/{}/maps", pid)));
}

std::string path_of(uint32_t pid, const MappedImage& image) {
  // By the mapping itself, so neither a replaced file nor another mount name space matters. Needs
  // CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE; without it the path will do, where it is the same file.
  auto by_mapping = fmt::format("/proc/{}/map_files/{:x}-{:x}", pid, image.start, image.end);
  if (::access(by_mapping.c_str(), R_OK) == 0) return by_mapping;
  auto by_path = fmt::format("/proc/{}/root{}", pid, image.path);
  struct stat status {};
  // Overlay file systems show another device in maps than stat(2), so the inode must do.
  if (::stat(by_path.c_str(), &status) == 0 && status.st_ino == image.file.inode) return by_path;
  return by_mapping;
}

}  // namespace tacit::runtime
