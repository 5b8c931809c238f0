// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/container_id.h"

#include <algorithm>

namespace tacit::discovery {
namespace {

constexpr size_t kMaxPaths = 16;
constexpr size_t kIdBytes = 64;

std::vector<std::string_view> segments(std::string_view path) {
  std::vector<std::string_view> out;
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    if (end > 0) out.push_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return out;
}

bool is_id(std::string_view text) {
  return text.size() == kIdBytes && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// "docker-<id>.scope", "cri-containerd-<id>.scope", "crio-<id>", "pod:cri-containerd:<id>", "<id>".
std::string_view id_in(std::string_view segment) {
  if (segment.ends_with(".scope")) segment.remove_suffix(6);
  if (segment.size() < kIdBytes) return {};
  const auto id = segment.substr(segment.size() - kIdBytes);
  if (!is_id(id)) return {};
  const auto before = segment.substr(0, segment.size() - kIdBytes);
  // conmon is podman's and cri-o's supervisor beside the container, not in it.
  if (before.find("conmon") != std::string_view::npos) return {};
  return before.empty() || before.back() == '-' || before.back() == ':' ? id : std::string_view{};
}

std::string_view lxc_name(const std::vector<std::string_view>& parts, size_t i) {
  for (const std::string_view prefix : {"lxc.payload.", "lxc.payload:"})
    if (parts[i].starts_with(prefix)) return parts[i].substr(prefix.size());
  if (i > 0 && (parts[i - 1] == "lxc" || parts[i - 1] == "lxc.payload")) return parts[i];
  return {};
}

bool names_a_service(std::string_view unit) {
  static constexpr std::string_view kHosts[] = {
      "containerd.service", "docker.service", "podman.service", "crio.service", "kubelet.service",
      "buildkit.service",   "cron.service",   "crond.service",  "atd.service",  "ssh.service",
      "sshd.service",       "dbus.service",   "lxc.service",    "lxd.service",  "rc-local.service",
      "supervisor.service", "supervisord.service", "gitlab-runner.service", "init.scope"};
  static constexpr std::string_view kPrefixes[] = {
      "user@", "ssh@", "sshd@", "getty@", "serial-getty@", "run-", "libpod-", "podman-", "conmon-",
      "session-", "docker-"};
  return std::find(std::begin(kHosts), std::end(kHosts), unit) == std::end(kHosts) &&
         std::none_of(std::begin(kPrefixes), std::end(kPrefixes),
                      [&](std::string_view prefix) { return unit.starts_with(prefix); });
}

struct Line {
  int rank;
  std::string path;
};

int rank_of(std::string_view controllers, std::string_view path) {
  if (path == "/") return 3;
  if (controllers.empty()) return 0;
  return controllers == "name=systemd" ? 1 : 2;
}

}  // namespace

std::vector<std::string> cgroup_paths(std::string_view text) {
  std::vector<Line> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const auto path = line.substr(second + 1, 4096);
    lines.push_back({rank_of(line.substr(first + 1, second - first - 1), path), std::string(path)});
  }
  std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    return a.rank != b.rank ? a.rank < b.rank : a.rank == 2 && a.path.size() > b.path.size();
  });
  std::vector<std::string> out;
  for (auto& line : lines)
    if (out.size() < kMaxPaths && std::find(out.begin(), out.end(), line.path) == out.end())
      out.push_back(std::move(line.path));
  return out;
}

std::string container_id(const std::vector<std::string>& paths) {
  for (const auto& path : paths) {
    const auto parts = segments(path);
    for (size_t i = parts.size(); i-- > 0;) {
      if (const auto id = id_in(parts[i]); !id.empty()) return std::string(id);
      if (const auto name = lxc_name(parts, i); !name.empty()) return std::string(name);
    }
  }
  return {};
}

std::string systemd_unit(const std::vector<std::string>& paths) {
  for (const auto& path : paths) {
    const auto parts = segments(path);
    for (size_t i = parts.size(); i-- > 0;)
      if (parts[i].ends_with(".service"))
        return names_a_service(parts[i]) ? std::string(parts[i]) : std::string{};
  }
  return {};
}

}  // namespace tacit::discovery
