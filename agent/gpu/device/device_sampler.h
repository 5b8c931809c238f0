// SPDX-License-Identifier: Apache-2.0
// Rounds of reading all devices, and the life of NVML around them: a driver that comes late, is
// reloaded, or loses a device. Without a clock or a thread of its own: SamplerThread has those.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/gpu/device/device_figures.h"
#include "agent/gpu/device/nvml_session.h"
#include "agent/gpu/device/xid_counts.h"

namespace tacit::gpu {

using SnapshotPtr = std::shared_ptr<const DeviceSnapshot>;

// round() and wait_events() on one thread, snapshot() on any.
class DeviceSampler {
 public:
  // NVML is started again after a failure: at first after kFirstDelayNs, then after twice as long.
  static constexpr uint64_t kFirstDelayNs = 1'000'000'000;
  static constexpr uint64_t kMostDelayNs = 60'000'000'000;
  // A lost device is looked for anew; that disturbs the others' events, so not often.
  static constexpr uint64_t kLostDelayNs = 30'000'000'000;
  static constexpr uint64_t kMostLostDelayNs = 600'000'000'000;

  // Reads everything once; starts NVML where it does not run. CLOCK_MONOTONIC.
  void round(uint64_t now_ns);

  // Counts the XID events of at most this time. False: there is nothing to wait with, so the
  // caller has to let the time pass itself.
  bool wait_events(unsigned timeout_ms);

  // Never null. Of the last round.
  SnapshotPtr snapshot() const;

  // NVML is given back; the next round starts it again.
  void stop() { session_.reset(); }

 private:
  void start(uint64_t now_ns);
  // Devices that were there before NVML went away: they have a state, and nothing else.
  std::vector<DeviceFigures> without_figures() const;
  void look_for_lost(const std::vector<DeviceFigures>& devices, uint64_t now_ns);
  void say(const NvmlFailure& failure);
  void say_refusals();
  void publish(DeviceSnapshot snapshot);

  CallCosts costs_;
  XidCounts xids_;
  std::unique_ptr<NvmlSession> session_;
  bool library_seen_ = false;
  uint64_t rounds_ = 0;
  uint64_t restarts_ = 0;
  uint64_t delay_ns_ = kFirstDelayNs;
  uint64_t next_start_ns_ = 0;
  uint64_t lost_delay_ns_ = kLostDelayNs;
  std::optional<uint64_t> look_again_ns_;  // at this time for devices that are lost
  std::vector<DeviceIdentity> known_;
  nvml::Return away_ = nvml::kUninitialized;  // why there is no session
  std::string said_;  // the last complaint
  bool refusals_said_ = false;
  mutable std::mutex mutex_;  // snapshot_
  SnapshotPtr snapshot_ = std::make_shared<const DeviceSnapshot>();
};

}  // namespace tacit::gpu
