// SPDX-License-Identifier: Apache-2.0
// A process of this host, as far as it is known. Values, loop thread. Nothing is invented: what
// could not be seen (a process that lived too short, another kernel's /proc) is empty.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tacit::discovery {

// ProcessKey counts in clock ticks; USER_HZ is 100 on every architecture we build for.
constexpr uint64_t kNsPerTick = 10'000'000;

// Identity: a pid alone is used again. Start in clock ticks since boot (proc(5), stat field 22),
// which is CLOCK_BOOTTIME in units of 1/sysconf(_SC_CLK_TCK) s.
struct ProcessKey {
  uint32_t pid = 0;
  uint64_t start_ticks = 0;
  bool operator==(const ProcessKey&) const = default;
};

enum class Runtime : uint8_t {
  kUnknown, kPython, kNode, kJava, kGo, kRuby, kPhp, kDotnet, kDeno, kBun
};

// The only variables that are kept of a process's environment; the rest may hold secrets.
struct EnvironmentSubset {
  std::string service_name;         // OTEL_SERVICE_NAME
  std::string resource_attributes;  // OTEL_RESOURCE_ATTRIBUTES
  std::string traceparent;          // TRACEPARENT
  // PYTHONPATH, NODE_OPTIONS, JAVA_TOOL_OPTIONS … name OpenTelemetry's own instrumentation
  bool loads_opentelemetry = false;
};

// What an exec made: shared by the process and the children that it forks without an exec.
struct ProcessImage {
  uint32_t leader_pid = 0;  // the process that made the exec
  std::string exe;          // path; empty: not seen in time
  std::string comm;         // at most 15 bytes, may be anything
  std::vector<std::string> args;
  std::string cwd;
  EnvironmentSubset environment;
  std::vector<std::string> cgroups;  // distinct paths, the most telling first
  std::string container_id;          // 64 hexadecimal digits (lxc: its name); empty: none
  std::string container_name;        // as the container runtime calls it; empty: none or unknown
  std::string systemd_unit;          // "billing.service"; empty where it names no service
  Runtime runtime = Runtime::kUnknown;
  std::string service_name;  // never empty once the process is observed; valid UTF-8
};

struct Process {
  ProcessKey key;
  uint32_t parent_pid = 0;
  std::shared_ptr<const ProcessImage> image;  // never null
  std::vector<uint16_t> listening_ports;      // TCP, ascending
  uint16_t first_port = 0;                    // the one seen first; 0: none
  std::vector<uint32_t> roots;   // pids of `--pid` selectors that it is, or descends from
  // Index of the selector that matched; nullopt in a table: followed, but its origin was lost.
  std::optional<size_t> selector;
  // Changes with everything that telemetry shows of the process (image, listeners). Forked children
  // have their parent's. Unique in the agent's life: a key for caches.
  uint64_t revision = 0;
  bool exited = false;
  uint32_t exit_code = 0;  // as wait(2) reports it
  uint64_t exit_time_ns = 0;

  uint32_t pid() const { return key.pid; }
};

}  // namespace tacit::discovery
