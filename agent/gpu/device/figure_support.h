// SPDX-License-Identifier: Apache-2.0
// What one device answers. A figure that it does not support, or that the agent may not see, is
// asked once.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "agent/gpu/device/nvml_abi.h"

namespace tacit::gpu {

enum class Figure : uint8_t {
  kUtilization,
  kEncoder,
  kDecoder,
  kMemory,
  kPower,
  kPowerLimit,
  kEnergy,
  kTemperature,
  kSmClock,
  kMemoryClock,
  kClockReasons,
  kSupportedClockReasons,
  kEccCorrected,
  kEccUncorrected,
  kEccLifetimeCorrected,
  kEccLifetimeUncorrected,
  kPcieReplays,
  kFields,
  kComputeProcesses,
  kGraphicsProcesses,
  kProcessUtilization,
  kMigMode,
  kInstances,
  kInstanceMemory,
  kGpm,
  kXid,
  kFigures,
};

// One thread.
class FigureSupport {
 public:
  bool wanted(Figure figure) const {
    return state_[static_cast<size_t>(figure)] == kAsked && broken_ == nvml::kSuccess;
  }

  // Takes an answer; true: there is a value.
  bool take(Figure figure, nvml::Return result) {
    State& state = state_[static_cast<size_t>(figure)];
    switch (result) {
      case nvml::kSuccess: return true;
      case nvml::kNotSupported:
      case nvml::kFunctionNotFound:
      case nvml::kInvalidArgument:
      case nvml::kArgumentVersionMismatch:
      case nvml::kDeprecated: state = kNotThere; return false;
      case nvml::kNoPermission: state = kForbidden; return false;
      case nvml::kGpuIsLost:
      case nvml::kResetRequired:
      case nvml::kUninitialized:
      case nvml::kVersionMismatch:
      case nvml::kDriverNotLoaded: broken_ = result; return false;
      default: return false;  // it may answer next time
    }
  }

  // Why nothing is asked any more: the device or the driver is gone. kSuccess: it is there.
  nvml::Return broken() const { return broken_; }

  uint64_t not_supported() const { return count(kNotThere); }
  uint64_t not_permitted() const { return count(kForbidden); }

  void forget() { *this = FigureSupport(); }

 private:
  enum State : uint8_t { kAsked, kNotThere, kForbidden };

  uint64_t count(State which) const {
    uint64_t found = 0;
    for (const State state : state_) found += state == which ? 1 : 0;
    return found;
  }

  std::array<State, static_cast<size_t>(Figure::kFigures)> state_{};
  nvml::Return broken_ = nvml::kSuccess;
};

}  // namespace tacit::gpu
