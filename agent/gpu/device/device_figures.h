// SPDX-License-Identifier: Apache-2.0
// What one round of the sampler found, as plain values. What is not known has no value.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/gpu/device/call_costs.h"
#include "agent/gpu/device/nvml_abi.h"

namespace tacit::gpu {

// Over the time between two samples at least 100 ms apart; Hopper and newer.
struct GpmFigures {
  // Ratios, 0 to 1.
  std::optional<double> graphics_active;
  std::optional<double> sm_active;
  std::optional<double> sm_occupancy;
  std::optional<double> tensor_active;
  std::optional<double> dram_active;
  std::optional<double> fp64_active;
  std::optional<double> fp32_active;
  std::optional<double> fp16_active;
  // Bytes a second.
  std::optional<double> pcie_transmitted;
  std::optional<double> pcie_received;
  std::optional<double> nvlink_transmitted;
  std::optional<double> nvlink_received;
};

struct MemoryFigures {  // bytes
  uint64_t total = 0;
  uint64_t reserved = 0;
  uint64_t free = 0;
  uint64_t used = 0;
};

// A GPU instance of a device in MIG mode.
struct InstanceFigures {
  std::string uuid;
  std::string profile;  // "1g.10gb"; empty: not known
  uint32_t gpu_instance = 0;
  std::optional<MemoryFigures> memory;
  GpmFigures gpm;
};

// One process on one device.
struct ProcessFigures {
  uint32_t pid = 0;  // as the initial pid namespace has it
  std::optional<uint64_t> memory_bytes;
  // Ratios of the last interval in which the driver sampled it. None where the device cannot tell.
  std::optional<double> sm;
  std::optional<double> memory;
  std::optional<double> encoder;
  std::optional<double> decoder;
  // CLOCK_MONOTONIC: of the newest look that found it at work, and of the first one that could tell.
  uint64_t last_active_ns = 0;   // 0: none did
  uint64_t looked_since_ns = 0;  // 0: the device cannot tell
};

struct DeviceIdentity {
  uint32_t index = 0;  // as nvidia-smi counts
  std::string uuid;    // "GPU-…"
  std::string model;
  std::string pci_bus_id;  // "00000000:3B:00.0"
  std::string device;      // "nvidia0": the file in /dev
};

using NamedCount = std::pair<std::string_view, uint64_t>;  // the name is a literal

struct DeviceFigures {
  DeviceIdentity identity;
  nvml::Return state = nvml::kSuccess;  // else: why there are no figures
  bool mig = false;
  std::optional<double> utilization;  // these four: ratios
  std::optional<double> memory_copy_utilization;
  std::optional<double> encoder_utilization;
  std::optional<double> decoder_utilization;
  std::optional<MemoryFigures> memory;
  std::optional<double> power_watts;
  std::optional<double> power_limit_watts;
  std::optional<double> energy_joules;
  std::optional<double> temperature_celsius;
  std::optional<double> memory_temperature_celsius;
  std::optional<double> sm_clock_hertz;
  std::optional<double> memory_clock_hertz;
  std::vector<std::pair<std::string_view, bool>> clock_reasons;  // those the device knows
  std::vector<std::pair<std::string_view, double>> throttle_seconds;
  std::vector<NamedCount> errors;           // since the driver was loaded
  std::vector<NamedCount> lifetime_errors;  // of the device's whole life
  std::optional<uint64_t> nvlink_transmitted_bytes;
  std::optional<uint64_t> nvlink_received_bytes;
  GpmFigures gpm;
  std::vector<InstanceFigures> instances;
  std::vector<ProcessFigures> processes;
  bool processes_known = false;  // the device can tell
};

// XID events of a device by code, counted since the agent started.
struct XidFigures {
  std::vector<std::pair<uint64_t, uint64_t>> counts;  // code, events; at most XidCounts::kMaxCodes
  uint64_t other = 0;                                 // events of codes beyond
  std::optional<uint64_t> last;                       // code of the last event
};

struct DeviceSnapshot {
  uint64_t taken_ns = 0;  // CLOCK_MONOTONIC; 0: none yet
  bool library = false;   // NVML was there at least once
  std::string driver_version;
  std::vector<DeviceFigures> devices;
  std::vector<std::pair<std::string, XidFigures>> xids;  // by UUID; only where events are delivered
  std::vector<CallCost> costs;
  uint64_t rounds = 0;
  uint64_t restarts = 0;       // of NVML, after an error that a restart may mend
  uint64_t not_supported = 0;  // figures that are not asked again, of all devices
  uint64_t not_permitted = 0;
};

}  // namespace tacit::gpu
