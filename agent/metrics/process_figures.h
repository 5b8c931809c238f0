// SPDX-License-Identifier: Apache-2.0
// What /proc tells of one process at this moment (proc(5)).
#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace tacit::metrics {

struct ProcessFigures {
  double cpu_seconds = 0;             // user and system, of all threads
  uint64_t resident_bytes = 0;
  uint64_t virtual_bytes = 0;
  double start_seconds_after_boot = 0;
  std::optional<uint64_t> open_fds;   // none: no permission, or it just ended
  std::optional<uint64_t> max_fds;    // none: unlimited, or not readable
};

// None where the process is gone or its files make no sense. `root` is "/proc" but in tests.
std::optional<ProcessFigures> read_process(const std::string& root, uint32_t pid);

// Unix time of the boot (the btime line of /proc/stat); 0: not readable.
double read_boot_time(const std::string& root);

}  // namespace tacit::metrics
