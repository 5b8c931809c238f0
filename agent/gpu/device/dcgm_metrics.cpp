// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/device/dcgm_metrics.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace tacit::gpu {
namespace {

using metrics::FamilySet;
using metrics::Labels;

constexpr double kMib = 1 << 20;

struct Field {
  const char* name;
  const char* help;
  bool counter;
  std::optional<double> value;
};

std::optional<double> times(const std::optional<double>& value, double factor) {
  if (!value) return std::nullopt;
  return *value * factor;
}

std::optional<double> count_of(const std::vector<NamedCount>& counts, std::string_view name) {
  const auto found = std::find_if(counts.begin(), counts.end(),
                                  [&](const auto& one) { return one.first == name; });
  if (found == counts.end()) return std::nullopt;
  return static_cast<double>(found->second);
}

void add(FamilySet& families, const Labels& labels, std::initializer_list<Field> fields) {
  for (const Field& field : fields) {
    if (!field.value) continue;
    if (field.counter)
      families.add_counter(field.name, field.help, labels, *field.value);
    else
      families.add_gauge(field.name, field.help, labels, *field.value);
  }
}

void add_memory(FamilySet& families, const Labels& labels,
                const std::optional<MemoryFigures>& memory) {
  if (!memory) return;
  const auto mib = [](uint64_t bytes) { return static_cast<double>(bytes) / kMib; };
  add(families, labels,
      {{"DCGM_FI_DEV_FB_FREE", "Free GPU memory in MiB", false, mib(memory->free)},
       {"DCGM_FI_DEV_FB_USED", "Used GPU memory in MiB", false, mib(memory->used)},
       {"DCGM_FI_DEV_FB_RESERVED", "Reserved GPU memory in MiB", false, mib(memory->reserved)}});
}

void add_profile(FamilySet& families, const Labels& labels, const GpmFigures& gpm) {
  add(families, labels,
      {{"DCGM_FI_PROF_GR_ENGINE_ACTIVE", "Share of time with work, 0 to 1", false,
        gpm.graphics_active},
       {"DCGM_FI_PROF_SM_ACTIVE", "Share of busy multiprocessors, 0 to 1", false, gpm.sm_active},
       {"DCGM_FI_PROF_SM_OCCUPANCY", "Share of resident warps, 0 to 1", false, gpm.sm_occupancy},
       {"DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "Share of time in tensor operations, 0 to 1", false,
        gpm.tensor_active},
       {"DCGM_FI_PROF_DRAM_ACTIVE", "Share of memory bandwidth, 0 to 1", false, gpm.dram_active},
       {"DCGM_FI_PROF_PIPE_FP64_ACTIVE", "Share of time in FP64, 0 to 1", false, gpm.fp64_active},
       {"DCGM_FI_PROF_PIPE_FP32_ACTIVE", "Share of time in FP32, 0 to 1", false, gpm.fp32_active},
       {"DCGM_FI_PROF_PIPE_FP16_ACTIVE", "Share of time in FP16, 0 to 1", false, gpm.fp16_active},
       {"DCGM_FI_PROF_PCIE_TX_BYTES", "PCIe bytes sent a second", false, gpm.pcie_transmitted},
       {"DCGM_FI_PROF_PCIE_RX_BYTES", "PCIe bytes received a second", false, gpm.pcie_received},
       {"DCGM_FI_PROF_NVLINK_TX_BYTES", "NVLink bytes sent a second", false,
        gpm.nvlink_transmitted},
       {"DCGM_FI_PROF_NVLINK_RX_BYTES", "NVLink bytes received a second", false,
        gpm.nvlink_received}});
}

void add_state(FamilySet& families, const Labels& labels, const DeviceFigures& device) {
  add(families, labels,
      {{"DCGM_FI_DEV_SM_CLOCK", "SM clock in MHz", false, times(device.sm_clock_hertz, 1e-6)},
       {"DCGM_FI_DEV_MEM_CLOCK", "Memory clock in MHz", false,
        times(device.memory_clock_hertz, 1e-6)},
       {"DCGM_FI_DEV_GPU_TEMP", "GPU temperature in degrees Celsius", false,
        device.temperature_celsius},
       {"DCGM_FI_DEV_MEMORY_TEMP", "Memory temperature in degrees Celsius", false,
        device.memory_temperature_celsius},
       {"DCGM_FI_DEV_POWER_USAGE", "Power in W", false, device.power_watts},
       {"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "Energy in mJ since the driver was loaded", true,
        times(device.energy_joules, 1e3)},
       {"DCGM_FI_DEV_PCIE_REPLAY_COUNTER", "PCIe retries", true,
        count_of(device.errors, "pcie_replay")},
       {"DCGM_FI_DEV_GPU_UTIL", "GPU utilization in percent", false,
        times(device.utilization, 100)},
       {"DCGM_FI_DEV_MEM_COPY_UTIL", "Memory utilization in percent", false,
        times(device.memory_copy_utilization, 100)},
       {"DCGM_FI_DEV_ENC_UTIL", "Encoder utilization in percent", false,
        times(device.encoder_utilization, 100)},
       {"DCGM_FI_DEV_DEC_UTIL", "Decoder utilization in percent", false,
        times(device.decoder_utilization, 100)},
       {"DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", "Corrected ECC errors since the driver was loaded", true,
        count_of(device.errors, "ecc_corrected")},
       {"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "Uncorrected ECC errors since the driver was loaded", true,
        count_of(device.errors, "ecc_uncorrected")},
       {"DCGM_FI_DEV_ECC_SBE_AGG_TOTAL", "Corrected ECC errors in the device's life", true,
        count_of(device.lifetime_errors, "ecc_corrected")},
       {"DCGM_FI_DEV_ECC_DBE_AGG_TOTAL", "Uncorrected ECC errors in the device's life", true,
        count_of(device.lifetime_errors, "ecc_uncorrected")}});
}

// dcgm-exporter shows the last code, and 0 where there was none.
void add_last_xid(FamilySet& families, const Labels& labels, const DeviceSnapshot& snapshot,
                  const std::string& uuid) {
  for (const auto& [device, xids] : snapshot.xids) {
    if (device != uuid) continue;
    add(families, labels,
        {{"DCGM_FI_DEV_XID_ERRORS", "Code of the last XID event", false,
          static_cast<double>(xids.last.value_or(0))}});
  }
}

}  // namespace

void add_dcgm_metrics(FamilySet& families, const Labels& base, const DeviceSnapshot& snapshot,
                      const std::string& host_name) {
  for (const DeviceFigures& device : snapshot.devices) {
    if (device.state != nvml::kSuccess) continue;
    Labels labels = base;
    labels.push_back({"gpu", std::to_string(device.identity.index)});
    labels.push_back({"UUID", device.identity.uuid});
    labels.push_back({"pci_bus_id", device.identity.pci_bus_id});
    labels.push_back({"device", device.identity.device});
    labels.push_back({"modelName", device.identity.model});
    if (!snapshot.driver_version.empty())
      labels.push_back({"DCGM_FI_DRIVER_VERSION", snapshot.driver_version});
    if (!host_name.empty()) {
      labels.push_back({"Hostname", host_name});
      labels.push_back({"hostname", host_name});
    }
    add_state(families, labels, device);
    add_last_xid(families, labels, snapshot, device.identity.uuid);
    add_memory(families, labels, device.memory);
    add_profile(families, labels, device.gpm);
    for (const InstanceFigures& instance : device.instances) {
      Labels own = labels;
      own.push_back({"GPU_I_PROFILE", instance.profile});
      own.push_back({"GPU_I_ID", std::to_string(instance.gpu_instance)});
      add_memory(families, own, instance.memory);
      add_profile(families, own, instance.gpm);
    }
  }
}

}  // namespace tacit::gpu
