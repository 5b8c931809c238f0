// SPDX-License-Identifier: Apache-2.0
// What /proc/PID/cgroup tells (cgroups(7), "/proc files"): paths, container, systemd unit. Pure.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace tacit::discovery {

// The distinct paths of all hierarchies, at most 16. First the most telling: cgroup v2's, then
// systemd's, then the longest; "/" last.
std::vector<std::string> cgroup_paths(std::string_view cgroup_file);

// The innermost container that a path names, by the conventions of docker, podman (libpod),
// containerd, cri-o, kubelet and lxc: 64 hexadecimal digits, or lxc's name; empty: none.
std::string container_id(const std::vector<std::string>& paths);

// The innermost ".service" that names a service; empty where the unit only starts other things
// (user managers, container runtimes, cron, ssh, systemd-run's numbered units).
std::string systemd_unit(const std::vector<std::string>& paths);

}  // namespace tacit::discovery
