// SPDX-License-Identifier: Apache-2.0
// Which processes use a device, how much of its memory and for how much of the time.
//
// Process ids: drivers before 560 give those of the initial pid namespace, newer ones those of the
// caller's for the lists of running processes and still the initial one's for utilization. The
// agent runs in the initial one (main.cpp requires it), where both are the same.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "agent/gpu/device/device_figures.h"
#include "agent/gpu/device/figure_support.h"
#include "agent/gpu/device/nvml_library.h"

namespace tacit::gpu {

// The sampler's thread.
class ProcessReader {
 public:
  // A device's processes beyond this many are not looked at.
  static constexpr size_t kMaxProcesses = 4096;

  ProcessReader(const NvmlLibrary& library, nvml::Device device)
      : library_(library), device_(device) {}

  // By pid. `known`: whether the device can tell at all; false: an empty list says nothing.
  // CLOCK_MONOTONIC.
  std::vector<ProcessFigures> read(FigureSupport& support, bool& known, uint64_t now_ns);

 private:
  using ByPid = std::map<uint32_t, ProcessFigures>;
  using ListCall = NvmlCall<nvml::Device, unsigned*, nvml::ProcessInfo*>;

  bool add_running(FigureSupport& support, Figure figure, const ListCall& call, ByPid& into);
  void add_utilization(FigureSupport& support, ByPid& into, uint64_t now_ns);
  void note_activity(ByPid& into, const std::set<uint32_t>& active, uint64_t now_ns);

  const NvmlLibrary& library_;
  const nvml::Device device_;
  std::vector<nvml::ProcessInfo> running_ = std::vector<nvml::ProcessInfo>(32);
  std::vector<nvml::ProcessUtilization> samples_ = std::vector<nvml::ProcessUtilization>(128);
  unsigned long long last_seen_us_ = 0;  // the driver's clock
  struct Activity {
    uint64_t last_ns = 0, since_ns = 0;
  };
  std::map<uint32_t, Activity> activity_;  // of those in the last list, by pid
};

}  // namespace tacit::gpu
