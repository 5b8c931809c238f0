// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/device/device_metrics.h"

#include <optional>
#include <string_view>

#include "agent/base/valid_text.h"
#include "agent/gpu/device/dcgm_metrics.h"
#include "agent/gpu/device/nvml_metrics.h"
#include "agent/gpu/device/process_share_metrics.h"
#include "agent/metrics/target_table.h"

namespace tacit::gpu {
namespace {

using metrics::FamilySet;
using metrics::Labels;

Labels with(Labels labels, const char* name, std::string_view value) {
  labels.push_back({name, std::string(value)});
  return labels;
}

void gauge(FamilySet& families, const char* name, const char* help, const Labels& labels,
           const std::optional<double>& value) {
  if (value) families.add_gauge(name, help, labels, *value);
}

void add_memory(FamilySet& families, const Labels& labels,
                const std::optional<MemoryFigures>& memory) {
  if (!memory) return;
  const auto bytes = [](uint64_t value) { return static_cast<double>(value); };
  families.add_gauge("hw_gpu_memory_usage_bytes", "GPU memory in use", labels, bytes(memory->used));
  families.add_gauge("hw_gpu_memory_limit_bytes", "Size of the GPU's memory", labels,
                     bytes(memory->total));
  if (memory->total > 0)
    families.add_gauge("hw_gpu_memory_utilization_ratio", "Share of the GPU's memory in use",
                       labels, bytes(memory->used) / bytes(memory->total));
  families.add_gauge("gpu_memory_free_bytes", "GPU memory that is free", labels,
                     bytes(memory->free));
  families.add_gauge("gpu_memory_reserved_bytes",
                     "GPU memory that driver and firmware keep for themselves", labels,
                     bytes(memory->reserved));
}

void add_gpm(FamilySet& families, const Labels& labels, const GpmFigures& gpm) {
  gauge(families, "gpu_graphics_active_ratio", "Share of time with work on the GPU", labels,
        gpm.graphics_active);
  gauge(families, "gpu_sm_active_ratio", "Share of the multiprocessors that were busy",
        labels, gpm.sm_active);
  gauge(families, "gpu_sm_occupancy_ratio", "Warps resident, of those that could be", labels,
        gpm.sm_occupancy);
  gauge(families, "gpu_tensor_active_ratio", "Share of time in tensor operations", labels,
        gpm.tensor_active);
  gauge(families, "gpu_dram_active_ratio", "Memory bandwidth used, of what there is", labels,
        gpm.dram_active);
  const std::pair<const char*, const std::optional<double>&> pipes[] = {
      {"fp64", gpm.fp64_active}, {"fp32", gpm.fp32_active}, {"fp16", gpm.fp16_active}};
  for (const auto& [name, value] : pipes)
    gauge(families, "gpu_pipe_active_ratio", "Share of time in arithmetic of this kind",
          with(labels, "pipe", name), value);
  const char* const direction = "network_io_direction";
  const char* const pcie = "PCIe traffic";
  gauge(families, "gpu_pcie_throughput_bytes_per_second", pcie,
        with(labels, direction, "transmit"), gpm.pcie_transmitted);
  gauge(families, "gpu_pcie_throughput_bytes_per_second", pcie,
        with(labels, direction, "receive"), gpm.pcie_received);
  const char* const nvlink = "NVLink traffic of all links";
  gauge(families, "gpu_nvlink_throughput_bytes_per_second", nvlink,
        with(labels, direction, "transmit"), gpm.nvlink_transmitted);
  gauge(families, "gpu_nvlink_throughput_bytes_per_second", nvlink,
        with(labels, direction, "receive"), gpm.nvlink_received);
}

void add_load(FamilySet& families, const Labels& labels, const DeviceFigures& device) {
  const std::pair<const char*, const std::optional<double>&> tasks[] = {
      {"general", device.utilization},
      {"encoder", device.encoder_utilization},
      {"decoder", device.decoder_utilization}};
  for (const auto& [task, value] : tasks)
    gauge(families, "hw_gpu_utilization_ratio", "Share of time in which the GPU did this",
          with(labels, "hw_gpu_task", task), value);
  gauge(families, "gpu_memory_copy_utilization_ratio",
        "Share of time in which GPU memory was read or written", labels,
        device.memory_copy_utilization);
}

void add_power(FamilySet& families, const Labels& labels, const DeviceFigures& device) {
  gauge(families, "hw_power_watts", "Power drawn", labels, device.power_watts);
  gauge(families, "gpu_power_limit_watts", "Power the GPU may draw", labels,
        device.power_limit_watts);
  if (device.energy_joules)
    families.add_counter("hw_energy_joules_total", "Energy used since the driver was loaded",
                         labels, *device.energy_joules);
  gauge(families, "hw_temperature_celsius", "Temperature",
        with(labels, "hw_sensor_location", "gpu"), device.temperature_celsius);
  gauge(families, "hw_temperature_celsius", "Temperature",
        with(labels, "hw_sensor_location", "memory"), device.memory_temperature_celsius);
  gauge(families, "gpu_clock_hertz", "Clock frequency", with(labels, "domain", "sm"),
        device.sm_clock_hertz);
  gauge(families, "gpu_clock_hertz", "Clock frequency", with(labels, "domain", "memory"),
        device.memory_clock_hertz);
  for (const auto& [reason, active] : device.clock_reasons)
    families.add_gauge("gpu_clock_reason", "1: the clocks are held down for this reason now",
                       with(labels, "reason", reason), active ? 1 : 0);
  for (const auto& [reason, seconds] : device.throttle_seconds)
    families.add_counter("gpu_throttle_seconds_total",
                         "Time with clocks held down, since the driver was loaded",
                         with(labels, "reason", reason), seconds);
}

void add_errors(FamilySet& families, const Labels& labels, const DeviceFigures& device) {
  for (const auto& [type, count] : device.errors)
    families.add_counter("hw_errors_total", "Errors since the driver was loaded",
                         with(labels, "error_type", type), static_cast<double>(count));
  for (const auto& [type, count] : device.lifetime_errors)
    families.add_counter("gpu_lifetime_errors_total", "Errors in the device's whole life",
                         with(labels, "error_type", type), static_cast<double>(count));
  const char* const name = "gpu_nvlink_bytes_total";
  const char* const help = "Payload over all NVLinks, since the driver was loaded";
  if (device.nvlink_transmitted_bytes)
    families.add_counter(name, help, with(labels, "network_io_direction", "transmit"),
                         static_cast<double>(*device.nvlink_transmitted_bytes));
  if (device.nvlink_received_bytes)
    families.add_counter(name, help, with(labels, "network_io_direction", "receive"),
                         static_cast<double>(*device.nvlink_received_bytes));
}

void add_instances(FamilySet& families, const Labels& base, const DeviceFigures& device) {
  for (const InstanceFigures& instance : device.instances) {
    Labels labels = base;
    labels.push_back({"hw_id", instance.uuid});
    labels.push_back({"hw_type", "gpu"});
    labels.push_back({"hw_parent", device.identity.uuid});
    labels.push_back({"hw_model", device.identity.model});
    labels.push_back({"hw_vendor", "NVIDIA"});
    labels.push_back({"gpu_instance_id", std::to_string(instance.gpu_instance)});
    if (!instance.profile.empty()) labels.push_back({"gpu_instance_profile", instance.profile});
    add_memory(families, labels, instance.memory);
    add_gpm(families, labels, instance.gpm);
  }
}

void add_device(FamilySet& families, const Labels& base, const DeviceSnapshot& snapshot,
                const DeviceFigures& device) {
  const Labels labels = device_labels(base, device.identity);
  const bool there = device.state == nvml::kSuccess;
  for (const auto& [state, is] : {std::pair("ok", there), std::pair("failed", !there)})
    families.add_gauge("hw_status", "1: the device is in this state",
                       with(labels, "hw_state", state), is ? 1 : 0);
  Labels info = with(labels, "pci_bus_id", device.identity.pci_bus_id);
  if (!snapshot.driver_version.empty())
    info = with(info, "hw_driver_version", snapshot.driver_version);
  families.add_gauge("gpu_info", "What the device is", info, 1);
  if (!there) return;
  add_load(families, labels, device);
  add_memory(families, labels, device.memory);
  add_power(families, labels, device);
  add_errors(families, labels, device);
  add_gpm(families, labels, device.gpm);
  add_instances(families, base, device);
}

void add_xids(FamilySet& families, const Labels& base, const DeviceSnapshot& snapshot) {
  const char* const help = "XID events of the driver by code, since the agent started";
  for (const auto& [uuid, xids] : snapshot.xids) {
    const Labels labels = with(base, "hw_id", uuid);
    const auto add = [&](std::string_view code, uint64_t count) {
      families.add_counter("gpu_xid_events_total", help, with(labels, "xid", code),
                           static_cast<double>(count));
    };
    for (const auto& [code, count] : xids.counts) add(std::to_string(code), count);
    // Also when it is 0: so that a rate exists before the first event.
    add("other", xids.other);
  }
}

}  // namespace

Labels device_labels(const Labels& base, const DeviceIdentity& identity) {
  Labels labels = base;
  labels.push_back({"hw_id", identity.uuid});
  labels.push_back({"hw_type", "gpu"});
  labels.push_back({"hw_name", identity.device});
  if (!identity.model.empty()) labels.push_back({"hw_model", identity.model});
  labels.push_back({"hw_vendor", "NVIDIA"});
  return labels;
}

std::vector<prometheus::MetricFamily> DeviceMetrics::collect() const {
  const auto snapshot = parts_.snapshot();
  if (!snapshot->library) return {};
  FamilySet families;
  const Labels base = {{"job", metrics::job_label(*parts_.self)},
                       {"instance", valid_utf8(parts_.self->instance)}};
  const uint64_t now_ns = parts_.now_ns();
  const uint64_t age_ns = now_ns > snapshot->taken_ns ? now_ns - snapshot->taken_ns : 0;
  add_nvml_metrics(families, base, *snapshot, age_ns);
  add_xids(families, base, *snapshot);
  if (age_ns > kMostAgeNs) return families.take();
  for (const DeviceFigures& device : snapshot->devices)
    add_device(families, base, *snapshot, device);
  add_process_shares(families, base, *snapshot, *parts_.observed(), parts_.series_limit);
  if (parts_.dcgm_names) add_dcgm_metrics(families, base, *snapshot, parts_.host_name);
  return families.take();
}

}  // namespace tacit::gpu
