// SPDX-License-Identifier: Apache-2.0
// GPU performance monitoring of one device or MIG instance (Hopper and newer): counters that need
// neither a lock of the profiler nor a privilege, read twice and compared by NVML.
#pragma once
#include <cstdint>
#include <optional>

#include "agent/gpu/device/device_figures.h"
#include "agent/gpu/device/figure_support.h"
#include "agent/gpu/device/nvml_library.h"

namespace tacit::gpu {

// The sampler's thread. Gives its two samples back, so it must end before the library does.
class GpmReader {
 public:
  // `gpu_instance`: of a device in MIG mode; none: the whole device. `library` outlives this.
  GpmReader(const NvmlLibrary& library, nvml::Device device, std::optional<uint32_t> gpu_instance)
      : library_(library), device_(device), gpu_instance_(gpu_instance) {}
  ~GpmReader();
  GpmReader(const GpmReader&) = delete;
  GpmReader& operator=(const GpmReader&) = delete;

  // What happened since the last read; nothing the first time. Two reads within 100 ms (NVML's own
  // limit) give the same figures. `scratch` is only used during the call.
  const GpmFigures& read(uint64_t now_ns, FigureSupport& support, nvml::GpmMetricsGet& scratch);

 private:
  bool take_sample(FigureSupport& support);
  void compare(FigureSupport& support, nvml::GpmMetricsGet& scratch);

  const NvmlLibrary& library_;
  const nvml::Device device_;
  const std::optional<uint32_t> gpu_instance_;
  nvml::GpmSample before_ = nullptr;
  nvml::GpmSample now_ = nullptr;
  uint64_t before_ns_ = 0;  // 0: before_ holds nothing
  GpmFigures figures_;
};

}  // namespace tacit::gpu
