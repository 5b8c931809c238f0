// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/cgroup_path.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

namespace tacit::probe {

Result<std::string> cgroup_mount() {
  std::ifstream mounts("/proc/self/mounts");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string device, place, kind;
    if (words >> device >> place >> kind && kind == "cgroup2") return place;
  }
  return fail("cgroup v2 is not mounted; mount -t cgroup2 none /sys/fs/cgroup/unified");
}

// cgroups(7): the line of version 2 is "0::PATH".
Result<std::string> cgroup_of(uint32_t pid) {
  std::ifstream lines(fmt::format("/proc/{}/cgroup", pid));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("0::/")) return line.substr(3);
  return fail(fmt::format("process {} has no cgroup v2", pid));
}

}  // namespace tacit::probe
