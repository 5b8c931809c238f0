// SPDX-License-Identifier: Apache-2.0
// `tacit doctor`: what this host allows, in one line each, what a missing piece costs, and the fix.
// Other rooms bring their checks as values; this one asks the host's files and prints.
#pragma once
#include <ostream>
#include <string>
#include <vector>

#include "agent/base/host_check.h"
#include "agent/config/config.h"

namespace tacit::command {

// Where the kernel's files are; tests bring their own.
struct HostFiles {
  std::string proc = "/proc";
  std::string sys = "/sys";
};

// Kernel version, BTF, capabilities, lockdown, tracefs, cgroup v2, statistics, io_uring, memlock.
std::vector<HostCheck> check_host(const HostFiles& files = {});

// One check for each OTLP destination of `config`: does its port take a TCP connection within 2 s?
// Blocks for as long.
std::vector<HostCheck> check_destinations(const config::Config& config);

// A line each, aligned: "ok", "warn" (something less) or "MISS" (the main job cannot run), then one
// line of conclusion. `colour`: ANSI colours for a terminal.
std::string format_checks(const std::vector<HostCheck>& checks, bool colour);

// Prints all of it; returns the exit status: 0 only if no required check failed.
int run_doctor(const std::vector<HostCheck>& kernel, const config::Config& config,
               std::ostream& out, bool colour, const HostFiles& files = {});

}  // namespace tacit::command
