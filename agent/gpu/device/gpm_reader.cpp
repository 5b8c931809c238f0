// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/device/gpm_reader.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

namespace tacit::gpu {
namespace {

constexpr uint64_t kLeastDistanceNs = 100'000'000;
constexpr double kPercent = 1.0 / 100;
constexpr double kMib = 1 << 20;

struct Row {
  nvml::GpmId id;
  std::optional<double> GpmFigures::* figure;
  double factor;
  double most;  // what is above makes no sense
};

constexpr Row kRows[] = {
    {nvml::kGpmGraphics, &GpmFigures::graphics_active, kPercent, 1},
    {nvml::kGpmSm, &GpmFigures::sm_active, kPercent, 1},
    {nvml::kGpmOccupancy, &GpmFigures::sm_occupancy, kPercent, 1},
    {nvml::kGpmTensor, &GpmFigures::tensor_active, kPercent, 1},
    {nvml::kGpmDram, &GpmFigures::dram_active, kPercent, 1},
    {nvml::kGpmFp64, &GpmFigures::fp64_active, kPercent, 1},
    {nvml::kGpmFp32, &GpmFigures::fp32_active, kPercent, 1},
    {nvml::kGpmFp16, &GpmFigures::fp16_active, kPercent, 1},
    {nvml::kGpmPcieTransmitted, &GpmFigures::pcie_transmitted, kMib, 1e15},
    {nvml::kGpmPcieReceived, &GpmFigures::pcie_received, kMib, 1e15},
    {nvml::kGpmNvlinkTransmitted, &GpmFigures::nvlink_transmitted, kMib, 1e15},
    {nvml::kGpmNvlinkReceived, &GpmFigures::nvlink_received, kMib, 1e15},
};

}  // namespace

GpmReader::~GpmReader() {
  if (before_ != nullptr) library_.gpm_free(before_);
  if (now_ != nullptr) library_.gpm_free(now_);
}

const GpmFigures& GpmReader::read(uint64_t now_ns, FigureSupport& support,
                                  nvml::GpmMetricsGet& scratch) {
  if (before_ns_ != 0 && now_ns - before_ns_ < kLeastDistanceNs) return figures_;
  figures_ = {};
  if (!take_sample(support)) {
    before_ns_ = 0;
    return figures_;
  }
  if (before_ns_ != 0) compare(support, scratch);
  std::swap(before_, now_);
  before_ns_ = now_ns;
  return figures_;
}

bool GpmReader::take_sample(FigureSupport& support) {
  for (nvml::GpmSample* sample : {&before_, &now_}) {
    if (*sample == nullptr && !support.take(Figure::kGpm, library_.gpm_alloc(sample))) return false;
  }
  if (!gpu_instance_) return support.take(Figure::kGpm, library_.gpm_sample(device_, now_));
  const nvml::Return result = library_.gpm_mig_sample(device_, *gpu_instance_, now_);
  // An instance that was just removed says nothing about the others.
  return result != nvml::kInvalidArgument && support.take(Figure::kGpm, result);
}

void GpmReader::compare(FigureSupport& support, nvml::GpmMetricsGet& scratch) {
  scratch = {.version = nvml::kGpmVersion,
             .count = std::size(kRows),
             .first = before_,
             .second = now_,
             .metrics = {}};
  for (size_t i = 0; i < std::size(kRows); ++i) scratch.metrics[i].id = kRows[i].id;
  if (!support.take(Figure::kGpm, library_.gpm_metrics(&scratch))) return;
  for (size_t i = 0; i < std::size(kRows); ++i) {
    const nvml::GpmMetric& metric = scratch.metrics[i];
    const double value = metric.value * kRows[i].factor;
    // A device without NVLink answers for that metric alone that there is none.
    if (metric.result != nvml::kSuccess || !std::isfinite(value) || value < 0) continue;
    if (value <= kRows[i].most * 1.001) figures_.*kRows[i].figure = std::min(value, kRows[i].most);
  }
}

}  // namespace tacit::gpu
