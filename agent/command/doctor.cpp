// SPDX-License-Identifier: Apache-2.0
#include "agent/command/doctor.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

#include "agent/base/log.h"

namespace tacit::command {
namespace {

// linux/capability.h
constexpr int kDacReadSearch = 2;
constexpr int kSysPtrace = 19;
constexpr int kSysAdmin = 21;
constexpr int kPerfmon = 38;
constexpr int kBpf = 39;

constexpr const char* kRoot = "run with sudo, or give the service these capabilities";

std::optional<std::string> read_line(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  return line.substr(0, 256);
}

HostCheck check_version(const HostFiles& files) {
  const auto release = read_line(files.proc + "/sys/kernel/osrelease").value_or("");
  int major = 0;
  int minor = 0;
  const char* end = release.data() + release.size();
  const auto dot = std::from_chars(release.data(), end, major);
  if (dot.ptr != end && *dot.ptr == '.') std::from_chars(dot.ptr + 1, end, minor);
  const bool ok = major > 5 || (major == 5 && minor >= 15);
  return {"kernel", ok, true, release.empty() ? "version unknown" : log::escape(release),
          ok ? "" : "everything: registers of a syscall cannot be read before 5.15",
          ok ? "" : "use a kernel >= 5.15"};
}

HostCheck check_btf(const HostFiles& files) {
  const auto path = files.sys + "/kernel/btf/vmlinux";
  struct stat info {};
  const bool ok = ::stat(path.c_str(), &info) == 0;
  return {"BTF", ok, true,
          ok ? fmt::format("/sys/kernel/btf/vmlinux, {:.1f} MB",
                           static_cast<double>(info.st_size) / 1e6)
             : "/sys/kernel/btf/vmlinux is absent",
          ok ? "" : "everything: the probes find the kernel's structures by it",
          ok ? "" : "use a kernel built with CONFIG_DEBUG_INFO_BTF"};
}

// The effective set of capabilities, one bit each.
uint64_t capabilities(const HostFiles& files) {
  std::ifstream in(files.proc + "/self/status");
  uint64_t out = 0;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("CapEff:")) continue;
    const size_t digits = std::min(line.find_first_not_of(" \t", 7), line.size());
    std::from_chars(line.data() + digits, line.data() + line.size(), out, 16);
  }
  return out;
}

bool has(uint64_t set, int capability) { return (set >> capability & 1) != 0; }

void check_capabilities(uint64_t set, std::vector<HostCheck>& out) {
  const bool admin = has(set, kSysAdmin);
  const bool bpf = admin || (has(set, kBpf) && has(set, kPerfmon));
  out.push_back({"capabilities", bpf, true,
                 bpf ? (admin ? "CAP_SYS_ADMIN" : "CAP_BPF, CAP_PERFMON")
                     : "neither CAP_BPF with CAP_PERFMON nor CAP_SYS_ADMIN",
                 bpf ? "" : "everything: the kernel takes no BPF program", bpf ? "" : kRoot});
  const bool ptrace = has(set, kSysPtrace);
  out.push_back({"CAP_SYS_PTRACE", ptrace, false,
                 ptrace ? "executables and environments of all users can be read" : "not there",
                 ptrace ? "" : "service names and ports of other users' processes",
                 ptrace ? "" : kRoot});
  const bool search = has(set, kDacReadSearch);
  out.push_back({"CAP_DAC_READ_SEARCH", search, false,
                 search ? "package.json and container names can be read" : "not there",
                 search ? "" : "names that stand in files of other users", search ? "" : kRoot});
}

HostCheck check_lockdown(const HostFiles& files) {
  const auto mode = read_line(files.sys + "/kernel/security/lockdown");
  if (!mode) return {"lockdown", true, true, "not in force, or not shown", "", ""};
  const bool ok = mode->find("[confidentiality]") == std::string::npos;
  return {"lockdown", ok, true, log::escape(*mode),
          ok ? "" : "everything: BPF may not read kernel memory",
          ok ? "" : "boot with lockdown=integrity or none"};
}

// The first mount of this file system type, or empty.
std::string mount_point(const HostFiles& files, std::string_view type) {
  std::ifstream in(files.proc + "/self/mounts");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string device;
    std::string place;
    std::string kind;
    if (words >> device >> place >> kind && kind == type) return place;
  }
  return {};
}

HostCheck check_tracefs(const HostFiles& files) {
  const auto place = mount_point(files, "tracefs");
  return {"tracefs", true, false,
          (place.empty() ? std::string("not mounted") : log::escape(place)) +
              "; needed for nothing today",
          "", ""};
}

HostCheck check_cgroup(const HostFiles& files) {
  const auto place = mount_point(files, "cgroup2");
  const bool ok = !place.empty();
  return {"cgroup v2", ok, false, ok ? log::escape(place) : "not mounted",
          ok ? "" : "--cgroup matches the paths of cgroup v1 instead",
          ok ? "" : "boot with systemd.unified_cgroup_hierarchy=1"};
}

HostCheck check_statistics(const HostFiles& files, uint64_t set) {
  const bool known = read_line(files.proc + "/sys/kernel/bpf_stats_enabled").has_value();
  const bool ok = known && has(set, kSysAdmin);
  return {"BPF statistics", ok, false,
          ok ? "can be switched on" : known ? "needs CAP_SYS_ADMIN" : "not in this kernel",
          ok ? "" : "the time spent in each BPF program is not reported",
          ok      ? ""
          : known ? kRoot
                  : "use a kernel >= 5.1"};
}

HostCheck check_io_uring(const HostFiles& files) {
  const auto value = read_line(files.proc + "/sys/kernel/io_uring_disabled");
  const char* detail = "allowed: its traffic is counted, not decoded";
  if (value == "2") detail = "switched off: nothing can escape that way";
  if (value == "1") detail = "for privileged processes: its traffic is counted, not decoded";
  return {"io_uring", true, false, detail, "", ""};
}

HostCheck check_memlock() {
  rlimit limit{};
  ::getrlimit(RLIMIT_MEMLOCK, &limit);
  const auto text = limit.rlim_cur == RLIM_INFINITY
                        ? std::string("unlimited")
                        : fmt::format("{} KiB", limit.rlim_cur / 1024);
  return {"memlock", true, false, text + "; not asked for since kernel 5.11", "", ""};
}

const char* word_for(const HostCheck& check) {
  return check.ok ? "ok" : check.required ? "MISS" : "warn";
}

const char* colour_for(const HostCheck& check) {
  return check.ok ? "\x1b[32m" : check.required ? "\x1b[31m" : "\x1b[33m";
}

std::string conclusion(const std::vector<HostCheck>& checks) {
  std::string missing;
  for (const auto& check : checks)
    if (!check.ok && check.required) missing += (missing.empty() ? "" : ", ") + check.name;
  return missing.empty() ? "The main job can run.\n"
                         : fmt::format("The main job cannot run: {}.\n", missing);
}

}  // namespace

std::vector<HostCheck> check_host(const HostFiles& files) {
  const uint64_t set = capabilities(files);
  std::vector<HostCheck> out = {check_version(files), check_btf(files)};
  check_capabilities(set, out);
  out.push_back(check_lockdown(files));
  out.push_back(check_tracefs(files));
  out.push_back(check_cgroup(files));
  out.push_back(check_statistics(files, set));
  out.push_back(check_io_uring(files));
  out.push_back(check_memlock());
  return out;
}

std::string format_checks(const std::vector<HostCheck>& checks, bool colour) {
  size_t width = 0;
  for (const auto& check : checks) width = std::max(width, check.name.size());
  std::string out;
  for (const auto& check : checks) {
    out += fmt::format("{}{:<4}{} {:<{}}  {}", colour ? colour_for(check) : "", word_for(check),
                       colour ? "\x1b[0m" : "", check.name, width, check.detail);
    if (!check.cost.empty()) out += fmt::format("; costs: {}", check.cost);
    if (!check.fix.empty()) out += fmt::format("; fix: {}", check.fix);
    out += '\n';
  }
  return out + conclusion(checks);
}

int run_doctor(const std::vector<HostCheck>& kernel, const config::Config& config,
               std::ostream& out, bool colour, const HostFiles& files) {
  auto checks = check_host(files);
  // What the probes say belongs beside the kernel and its BTF.
  checks.insert(checks.begin() + 2, kernel.begin(), kernel.end());
  const auto destinations = check_destinations(config);
  checks.insert(checks.end(), destinations.begin(), destinations.end());
  out << format_checks(checks, colour) << std::flush;
  return std::any_of(checks.begin(), checks.end(),
                     [](const HostCheck& check) { return check.required && !check.ok; })
             ? 1
             : 0;
}

}  // namespace tacit::command
