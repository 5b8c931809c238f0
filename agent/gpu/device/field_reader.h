// SPDX-License-Identifier: Apache-2.0
// The figures of a device that NVML gives by number, several in one call: time with clocks held
// down, NVLink, the memory's temperature. A number that the device does not know is asked once.
#pragma once
#include <cstdint>
#include <vector>

#include "agent/gpu/device/device_figures.h"
#include "agent/gpu/device/figure_support.h"
#include "agent/gpu/device/nvml_library.h"

namespace tacit::gpu {

// The sampler's thread.
class FieldReader {
 public:
  FieldReader(const NvmlLibrary& library, nvml::Device device);

  void read(FigureSupport& support, DeviceFigures& out);

  // How many are not asked any more.
  uint64_t refused() const { return refused_; }
  // All are asked again.
  void forget();

 private:
  void keep_answered(const std::vector<nvml::FieldValue>& answers);

  const NvmlLibrary& library_;
  const nvml::Device device_;
  std::vector<nvml::FieldValue> asked_;
  uint64_t refused_ = 0;
};

}  // namespace tacit::gpu
