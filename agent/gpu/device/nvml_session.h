// SPDX-License-Identifier: Apache-2.0
// NVML between init and shutdown: the devices it names, and their events.
#pragma once
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/result.h"
#include "agent/gpu/device/device_figures.h"
#include "agent/gpu/device/device_reader.h"
#include "agent/gpu/device/nvml_library.h"

namespace tacit::gpu {

// Why there is no session, or no longer. `reason`: kLibraryNotFound where there is no library.
struct NvmlFailure {
  nvml::Return reason = nvml::kSuccess;
  std::string message;
};

// The sampler's thread; any call may block for as long as the driver likes.
class NvmlSession {
 public:
  static constexpr unsigned kMaxDevices = 64;

  // `costs` outlives it. `known`: devices seen earlier, so that one which is lost keeps its name.
  static std::expected<std::unique_ptr<NvmlSession>, NvmlFailure> start(
      CallCosts& costs, const std::vector<DeviceIdentity>& known);
  ~NvmlSession();
  NvmlSession(const NvmlSession&) = delete;
  NvmlSession& operator=(const NvmlSession&) = delete;

  const std::string& driver_version() const { return driver_version_; }
  std::vector<DeviceFigures> read(uint64_t now_ns);

  struct Xid {
    const DeviceIdentity* device;  // of this session
    uint64_t code;
  };
  // UUIDs of the devices whose XID events come.
  std::vector<std::string> watched() const;
  // Waits at most this long; none: nothing came. False in `alive`: waiting does not work (any
  // more), so ask somebody else for the time.
  std::optional<Xid> wait_event(unsigned timeout_ms, bool& alive);

  uint64_t not_supported() const;
  uint64_t not_permitted() const;

 private:
  explicit NvmlSession(std::unique_ptr<NvmlLibrary> library) : library_(std::move(library)) {}
  void find_devices(unsigned count, const std::vector<DeviceIdentity>& known);
  DeviceIdentity identify(nvml::Device handle, unsigned index) const;
  void watch_events();

  std::unique_ptr<NvmlLibrary> library_;
  bool initialised_ = false;
  std::string driver_version_;
  nvml::EventSet events_ = nullptr;
  std::vector<const DeviceReader*> watched_;
  std::unique_ptr<nvml::GpmMetricsGet> scratch_ = std::make_unique<nvml::GpmMetricsGet>();
  std::vector<std::unique_ptr<DeviceReader>> devices_;
};

}  // namespace tacit::gpu
