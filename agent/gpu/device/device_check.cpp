// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/device/device_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/gpu/device/nvml_session.h"

namespace tacit::gpu {
namespace {

constexpr const char* kName = "GPU";

HostCheck without(const NvmlFailure& failure) {
  if (failure.reason == nvml::kLibraryNotFound)
    return {kName, true, false, "no NVIDIA driver library (libnvidia-ml.so.1): no figures of GPUs",
            "",    ""};
  if (failure.reason == nvml::kDriverNotLoaded)
    return {kName, true, false, "the NVIDIA kernel driver is not loaded: no figures of GPUs",
            "",    ""};
  const char* fix = failure.reason == nvml::kVersionMismatch
                        ? "reboot, or reload the driver: it was updated while it ran"
                    : failure.reason == nvml::kNoPermission
                        ? "run with sudo; in a container allow /dev/nvidia*"
                        : "see nvidia-smi and the kernel's log";
  return {kName, false, false, log::escape(failure.message), "figures of GPUs", fix};
}

std::string describe(const DeviceFigures& device) {
  std::string text = log::escape(device.identity.model.empty() ? "GPU" : device.identity.model);
  if (device.state != nvml::kSuccess) return text + fmt::format(" ({})", reason_of(device.state));
  if (device.mig) text += fmt::format(" (MIG, {} instances)", device.instances.size());
  return text;
}

// "2 × NVIDIA H100, NVIDIA T4"
std::string list(const std::vector<DeviceFigures>& devices) {
  std::vector<std::pair<std::string, size_t>> kinds;
  for (const DeviceFigures& device : devices) {
    const std::string text = describe(device);
    const auto same = std::find_if(kinds.begin(), kinds.end(),
                                   [&](const auto& kind) { return kind.first == text; });
    if (same != kinds.end())
      ++same->second;
    else
      kinds.emplace_back(text, 1);
  }
  std::string out;
  for (const auto& [text, count] : kinds) {
    out += out.empty() ? "" : ", ";
    out += count > 1 ? fmt::format("{} x {}", count, text) : text;
  }
  return out;
}

}  // namespace

HostCheck check_devices() {
  CallCosts costs;
  const auto session = NvmlSession::start(costs, {});
  if (!session) return without(session.error());
  const auto driver = log::escape((*session)->driver_version());
  const auto devices = (*session)->read(monotonic_ns());
  if (devices.empty())
    return {kName, true, false, fmt::format("driver {}, no device", driver), "", ""};
  const uint64_t forbidden = (*session)->not_permitted();
  const bool lost = std::any_of(devices.begin(), devices.end(),
                                [](const auto& device) { return device.state != nvml::kSuccess; });
  HostCheck check{kName, true, false, fmt::format("{}; driver {}", list(devices), driver), "", ""};
  if (lost) {
    check.ok = false;
    check.cost = "figures of that device";
    check.fix = "see nvidia-smi and the kernel's log";
  } else if (forbidden > 0) {
    check.ok = false;
    check.cost = fmt::format("{} figures that this user may not read", forbidden);
    check.fix = "run with sudo";
  }
  return check;
}

}  // namespace tacit::gpu
