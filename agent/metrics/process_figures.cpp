// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/process_figures.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <string_view>

#include "agent/base/fd.h"

namespace tacit::metrics {
namespace {

constexpr size_t kMaxFileBytes = size_t{1} << 20;

std::string read_file(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  std::array<char, 4096> part;
  while (fd.valid() && text.size() < kMaxFileBytes) {
    const ssize_t got = ::read(fd.get(), part.data(), part.size());
    if (got <= 0) break;
    text.append(part.data(), static_cast<size_t>(got));
  }
  return text;
}

std::optional<uint64_t> to_number(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end == text.data()) return {};
  return number;
}

std::string_view next_word(std::string_view& text) {
  const size_t begin = std::min(text.find_first_not_of(' '), text.size());
  text.remove_prefix(begin);
  const size_t end = std::min(text.find_first_of(" \n"), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

bool parse_stat(std::string_view text, ProcessFigures& figures) {
  // The name in parentheses may hold anything, parentheses and blanks too.
  const size_t close = text.rfind(')');
  if (close == std::string_view::npos) return false;
  text.remove_prefix(close + 1);
  std::array<uint64_t, 22> fields{};  // [0] is field 3, the state
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::string_view word = next_word(text);
    if (word.empty()) return false;
    fields[i] = to_number(word).value_or(0);  // the state and negative ones are not wanted
  }
  const auto field = [&](size_t number) { return fields[number - 3]; };
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  figures.cpu_seconds = static_cast<double>(field(14) + field(15)) / ticks;
  figures.start_seconds_after_boot = static_cast<double>(field(22)) / ticks;
  figures.virtual_bytes = field(23);
  figures.resident_bytes = field(24) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return true;
}

std::optional<uint64_t> count_entries(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
  if (!folder) return {};
  uint64_t count = 0;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (entry->d_name[0] != '.') ++count;
  }
  return count;
}

std::optional<uint64_t> parse_max_fds(std::string_view limits) {
  constexpr std::string_view kName = "Max open files";
  const size_t at = limits.find(kName);
  if (at == std::string_view::npos) return {};
  limits.remove_prefix(at + kName.size());
  return to_number(next_word(limits));
}

}  // namespace

std::optional<ProcessFigures> read_process(const std::string& root, uint32_t pid) {
  const std::string folder = root + "/" + std::to_string(pid);
  ProcessFigures figures;
  if (!parse_stat(read_file(folder + "/stat"), figures)) return {};
  figures.open_fds = count_entries(folder + "/fd");
  figures.max_fds = parse_max_fds(read_file(folder + "/limits"));
  return figures;
}

double read_boot_time(const std::string& root) {
  const std::string text = read_file(root + "/stat");
  const size_t at = text.find("\nbtime ");
  if (at == std::string::npos) return 0;
  return static_cast<double>(to_number(std::string_view(text).substr(at + 7)).value_or(0));
}

}  // namespace tacit::metrics
