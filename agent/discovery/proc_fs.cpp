// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/proc_fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <set>

#include "agent/base/fd.h"
#include "agent/discovery/elf_section.h"
#include "agent/discovery/listener_dump.h"

namespace tacit::discovery {
namespace {

constexpr size_t kMaxArgsBytes = 32 * 1024;
constexpr size_t kMaxEnvironBytes = 256 * 1024;
constexpr size_t kMaxCgroupBytes = 16 * 1024;
constexpr size_t kMaxListeners = 100'000;
constexpr size_t kMaxNetLine = 4096;
constexpr size_t kMaxDescriptors = 100'000;
constexpr size_t kMaxPieces = 1024;

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

template <typename T>
bool to_number(std::string_view text, T& out, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

std::string read_link(const std::string& path) {
  std::string out(4096, '\0');
  const ssize_t n = ::readlink(path.c_str(), out.data(), out.size());
  out.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return out;
}

std::optional<std::string> read_fd(int fd, size_t limit) {
  std::string out;
  char chunk[16 * 1024];
  while (out.size() < limit) {
    const ssize_t n = ::read(fd, chunk, std::min(sizeof chunk, limit - out.size()));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) break;
    out.append(chunk, static_cast<size_t>(n));
  }
  return out;
}

// "socket:[123]" → 123; 0 where the link is something else.
uint64_t socket_inode(std::string_view link) {
  uint64_t inode = 0;
  if (!link.starts_with("socket:[") || !link.ends_with("]")) return 0;
  return to_number(link.substr(8, link.size() - 9), inode) ? inode : 0;
}

std::string_view next_word(std::string_view& line) {
  const size_t begin = std::min(line.find_first_not_of(' '), line.size());
  const size_t end = std::min(line.find(' ', begin), line.size());
  const auto word = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return word;
}

// A line of /proc/net/tcp: slot, local address, remote address, state, …, inode as tenth word.
// False: the socket does not listen.
bool add_listener(std::string_view line, std::map<uint64_t, uint16_t>& out) {
  next_word(line);
  const auto local = next_word(line);
  next_word(line);
  if (next_word(line) != "0A") return false;  // TCP_LISTEN
  for (int i = 0; i < 5; ++i) next_word(line);
  const size_t colon = local.rfind(':');
  uint64_t inode = 0;
  uint16_t port = 0;
  if (colon != std::string_view::npos && to_number(local.substr(colon + 1), port, 16) &&
      to_number(next_word(line), inode) && inode != 0)
    out[inode] = port;
  return true;
}

// Listening sockets come first (Documentation/networking/proc_net_tcp.rst), so it ends at the first
// that is something else, and reads little at a time: the kernel takes milliseconds for the
// connections of a busy host.
void read_listeners(const std::string& path, std::map<uint64_t, uint16_t>& out) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return;
  std::string pending;
  char chunk[512];
  bool head = true;
  while (out.size() < kMaxListeners && pending.size() < kMaxNetLine) {
    const ssize_t n = ::read(fd.get(), chunk, sizeof chunk);
    if (n <= 0) return;
    pending.append(chunk, static_cast<size_t>(n));
    for (size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
      const bool listens = add_listener(std::string_view(pending).substr(0, end), out);
      if (!listens && !head) return;
      head = false;
      pending.erase(0, end + 1);
    }
  }
}

}  // namespace

std::optional<std::string> read_at_most(const std::string& path, size_t limit) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) return std::nullopt;
  return read_fd(fd.get(), limit);
}

std::vector<std::string> split_nul(std::string_view bytes) {
  std::vector<std::string> out;
  while (!bytes.empty() && out.size() < kMaxPieces) {
    const size_t end = std::min(bytes.find('\0'), bytes.size());
    out.emplace_back(bytes.substr(0, end));
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  return out;
}

EnvironmentSubset pick_environment(std::string_view bytes) {
  static constexpr size_t kMaxValue = 4096;
  EnvironmentSubset out;
  const std::pair<std::string_view, std::string*> wanted[] = {
      {"OTEL_SERVICE_NAME=", &out.service_name},
      {"OTEL_RESOURCE_ATTRIBUTES=", &out.resource_attributes},
      {"TRACEPARENT=", &out.traceparent}};
  while (!bytes.empty()) {
    const size_t end = std::min(bytes.find('\0'), bytes.size());
    const auto entry = bytes.substr(0, end);
    for (const auto& [name, value] : wanted)
      if (entry.starts_with(name) && value->empty())
        *value = entry.substr(name.size(), kMaxValue);
    for (const std::string_view name : {"PYTHONPATH=", "NODE_OPTIONS=", "JAVA_TOOL_OPTIONS=",
                                        "RUBYOPT=", "CORECLR_PROFILER_PATH="})
      out.loads_opentelemetry |= entry.starts_with(name) &&
                                 entry.find("opentelemetry") != std::string_view::npos;
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  return out;
}

ProcFs::ProcFs(std::string root)
    : root_(std::move(root)), own_net_ns_(read_link(root_ + "/self/ns/net")) {}

std::string ProcFs::path(uint32_t pid, std::string_view name) const {
  return root_ + "/" + std::to_string(pid) + "/" + std::string(name);
}

std::vector<uint32_t> ProcFs::pids() const {
  std::vector<uint32_t> out;
  Directory directory(::opendir(root_.c_str()));
  if (!directory) return out;
  while (const dirent* entry = ::readdir(directory.get())) {
    uint32_t pid = 0;
    if (to_number(std::string_view(entry->d_name), pid) && pid != 0) out.push_back(pid);
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::optional<ProcStat> ProcFs::stat(uint32_t pid) const {
  const auto text = read_at_most(path(pid, "stat"), 4096);
  if (!text) return std::nullopt;
  // The name in parentheses may itself hold ") R 1": the last ')' ends it.
  const size_t open = text->find('(');
  const size_t close = text->rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return std::nullopt;
  ProcStat out;
  out.comm = text->substr(open + 1, std::min<size_t>(close - open - 1, 64));
  std::string_view rest = std::string_view(*text).substr(close + 1);
  next_word(rest);  // state
  if (!to_number(next_word(rest), out.parent_pid)) return std::nullopt;
  for (int field = 5; field < 22; ++field) next_word(rest);
  if (!to_number(next_word(rest), out.start_ticks)) return std::nullopt;
  return out;
}

std::string ProcFs::exe(uint32_t pid) const {
  auto link = read_link(path(pid, "exe"));
  static constexpr std::string_view kDeleted = " (deleted)";
  if (link.ends_with(kDeleted)) link.resize(link.size() - kDeleted.size());
  return link;
}

std::string ProcFs::cwd(uint32_t pid) const { return read_link(path(pid, "cwd")); }

std::vector<std::string> ProcFs::args(uint32_t pid) const {
  return split_nul(read_at_most(path(pid, "cmdline"), kMaxArgsBytes).value_or(""));
}

EnvironmentSubset ProcFs::environment(uint32_t pid) const {
  return pick_environment(read_at_most(path(pid, "environ"), kMaxEnvironBytes).value_or(""));
}

std::string ProcFs::cgroup_text(uint32_t pid) const {
  return read_at_most(path(pid, "cgroup"), kMaxCgroupBytes).value_or("");
}

std::vector<uint16_t> ProcFs::listening_ports(uint32_t pid, ListenerTables& tables) const {
  std::set<uint64_t> inodes;
  const std::string folder = path(pid, "fd");
  Directory directory(::opendir(folder.c_str()));
  if (!directory) return {};
  while (const dirent* entry = ::readdir(directory.get())) {
    const auto inode = socket_inode(read_link(folder + "/" + entry->d_name));
    if (inode != 0) inodes.insert(inode);
    if (inodes.size() >= kMaxDescriptors) break;
  }
  if (inodes.empty()) return {};
  const auto name_space = read_link(path(pid, "ns/net"));
  const auto [table, fresh] = tables.try_emplace(name_space);
  if (fresh) table->second = listeners(pid, name_space == own_net_ns_);
  std::set<uint16_t> ports;
  for (const auto inode : inodes)
    if (const auto found = table->second.find(inode); found != table->second.end())
      ports.insert(found->second);
  return {ports.begin(), ports.end()};
}

std::map<uint64_t, uint16_t> ProcFs::listeners(uint32_t pid, bool own_name_space) const {
  if (own_name_space && !own_net_ns_.empty())
    if (auto dumped = dump_listeners()) return *std::move(dumped);
  std::map<uint64_t, uint16_t> out;
  read_listeners(path(pid, "net/tcp"), out);
  read_listeners(path(pid, "net/tcp6"), out);
  return out;
}

bool ProcFs::is_go(uint32_t pid) const {
  Fd fd(::open(path(pid, "exe").c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  return fd.valid() && has_elf_section(fd.get(), ".go.buildinfo");
}

std::optional<std::string> ProcFs::read_inside(uint32_t pid, const std::string& file,
                                               size_t limit) const {
  Fd root(::open(path(pid, "root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return std::nullopt;
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const long opened = ::syscall(SYS_openat2, root.get(), file.c_str(), &how, sizeof how);
  Fd found(opened < 0 ? -1 : static_cast<int>(opened));
  if (!found.valid()) return std::nullopt;
  struct stat info {};
  if (::fstat(found.get(), &info) != 0 || !S_ISREG(info.st_mode) ||
      static_cast<uint64_t>(info.st_size) > limit)
    return std::nullopt;
  // Opened for reading only now that it is known to be no device and no pipe.
  return read_at_most("/proc/self/fd/" + std::to_string(found.get()), limit);
}

}  // namespace tacit::discovery
