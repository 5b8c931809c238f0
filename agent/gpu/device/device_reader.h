// SPDX-License-Identifier: Apache-2.0
// One device: everything that is read from it in a round.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "agent/gpu/device/device_figures.h"
#include "agent/gpu/device/field_reader.h"
#include "agent/gpu/device/figure_support.h"
#include "agent/gpu/device/gpm_reader.h"
#include "agent/gpu/device/nvml_library.h"
#include "agent/gpu/device/process_reader.h"

namespace tacit::gpu {

// The sampler's thread. Belongs to an NvmlSession: ends before it.
class DeviceReader {
 public:
  // How often MIG instances are listed anew.
  static constexpr uint64_t kInventoryNs = 10'000'000'000;
  // The driver samples a process at most once a second on some devices: asked more often it would
  // seem idle in between.
  static constexpr uint64_t kProcessNs = 2'000'000'000;

  DeviceReader(const NvmlLibrary& library, nvml::Device handle, DeviceIdentity identity)
      : library_(library),
        handle_(handle),
        identity_(std::move(identity)),
        fields_(library, handle),
        gpm_(library, handle, std::nullopt),
        process_reader_(library, handle) {}
  // A device whose handle could not be had: gone since it was last seen.
  static std::unique_ptr<DeviceReader> lost(const NvmlLibrary& library, DeviceIdentity identity,
                                            nvml::Return reason);

  // After an answer that the device is gone, that is all it says, and nothing is asked any more.
  DeviceFigures read(uint64_t now_ns, nvml::GpmMetricsGet& scratch);

  nvml::Device handle() const { return handle_; }
  const DeviceIdentity& identity() const { return identity_; }
  FigureSupport& support() { return support_; }
  uint64_t refused_fields() const { return fields_.refused(); }

 private:
  struct Instance {
    nvml::Device handle;
    InstanceFigures figures;
    std::unique_ptr<GpmReader> gpm;
  };

  void read_load(DeviceFigures& out);
  void read_power(DeviceFigures& out);
  void read_clocks(DeviceFigures& out);
  void read_errors(DeviceFigures& out);
  void read_gpm(DeviceFigures& out, uint64_t now_ns, nvml::GpmMetricsGet& scratch);
  void read_instances(DeviceFigures& out, uint64_t now_ns);
  void list_instances();
  void add_instance(nvml::Device handle, std::map<uint32_t, Instance>& into);
  void read_processes(DeviceFigures& out, uint64_t now_ns);
  std::optional<MemoryFigures> read_memory(nvml::Device device, Figure figure);
  template <typename Call>
  std::optional<double> number(Figure figure, const Call& call, double factor);

  const NvmlLibrary& library_;
  const nvml::Device handle_;
  const DeviceIdentity identity_;
  FigureSupport support_;
  std::optional<unsigned long long> known_clock_reasons_;
  FieldReader fields_;
  std::optional<bool> gpm_supported_;
  GpmReader gpm_;
  bool mig_ = false;
  uint64_t next_inventory_ns_ = 0;
  std::map<uint32_t, Instance> instances_;  // by GPU instance id
  ProcessReader process_reader_;
  uint64_t next_processes_ns_ = 0;
  std::vector<ProcessFigures> processes_;
  bool processes_known_ = false;
};

}  // namespace tacit::gpu
