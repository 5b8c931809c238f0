// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/selector.h"

#include <algorithm>

#include "agent/discovery/glob.h"
#include "agent/discovery/launch.h"

namespace tacit::discovery {
namespace {

using config::Selector;

constexpr size_t kMaxCommandLine = 4096;  // bytes that --cmd looks at

bool ports_match(const Selector& selector, const Process& process) {
  return std::any_of(selector.ports.begin(), selector.ports.end(), [&](uint16_t port) {
    return std::find(process.listening_ports.begin(), process.listening_ports.end(), port) !=
           process.listening_ports.end();
  });
}

bool exe_matches(const std::string& pattern, const ProcessImage& image) {
  std::string_view exe = image.exe;
  if (exe.empty() && !image.args.empty() && image.args[0].starts_with("/")) exe = image.args[0];
  if (exe.empty()) return false;
  // A pattern without '/' could match no path at all: it means the program's name.
  if (pattern.find('/') == std::string::npos && glob_matches(pattern, base_name(exe))) return true;
  return glob_matches(pattern, exe);
}

bool command_matches(const std::string& pattern, const ProcessImage& image) {
  std::string line;
  for (const auto& arg : image.args) {
    if (!line.empty()) line += ' ';
    line += arg;
    if (line.size() > kMaxCommandLine) break;
  }
  return glob_matches(pattern, std::string_view(line).substr(0, kMaxCommandLine));
}

bool cgroup_matches(const std::string& pattern, const ProcessImage& image) {
  return std::any_of(image.cgroups.begin(), image.cgroups.end(),
                     [&](const std::string& path) { return glob_matches(pattern, path); });
}

bool container_matches(const std::string& pattern, const ProcessImage& image) {
  if (image.container_id.empty()) return false;
  return glob_matches(pattern, image.container_id) || image.container_id.starts_with(pattern) ||
         (!image.container_name.empty() && glob_matches(pattern, image.container_name));
}

bool pid_matches(int pid, const Process& process) {
  return std::find(process.roots.begin(), process.roots.end(), static_cast<uint32_t>(pid)) !=
         process.roots.end();
}

bool selects(const Selector& selector, const Process& process) {
  const auto& image = *process.image;
  return (selector.pid == 0 || pid_matches(selector.pid, process)) &&
         (selector.ports.empty() || ports_match(selector, process)) &&
         (selector.exe.empty() || exe_matches(selector.exe, image)) &&
         (selector.cmd.empty() || command_matches(selector.cmd, image)) &&
         (selector.cgroup.empty() || cgroup_matches(selector.cgroup, image)) &&
         (selector.container.empty() || container_matches(selector.container, image));
}

}  // namespace

SelectorSet::SelectorSet(std::vector<Selector> selectors, uint32_t own_pid)
    : selectors_(std::move(selectors)), own_pid_(own_pid) {}

std::optional<size_t> SelectorSet::matches(const Process& process) const {
  if (process.pid() == own_pid_) return std::nullopt;
  for (size_t i = 0; i < selectors_.size(); ++i)
    if (selects(selectors_[i], process)) return i;
  return std::nullopt;
}

bool SelectorSet::wants_ports() const {
  return std::any_of(selectors_.begin(), selectors_.end(),
                     [](const Selector& selector) { return !selector.ports.empty(); });
}

std::vector<uint32_t> SelectorSet::pids() const {
  std::vector<uint32_t> out;
  for (const auto& selector : selectors_)
    if (selector.pid > 0) out.push_back(static_cast<uint32_t>(selector.pid));
  return out;
}

}  // namespace tacit::discovery
