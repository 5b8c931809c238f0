// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/device/device_sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/base/log.h"

namespace tacit::gpu {
namespace {

// The answers after which only a new start helps: the driver was unloaded or replaced.
bool needs_restart(nvml::Return state) {
  return state == nvml::kUninitialized || state == nvml::kVersionMismatch ||
         state == nvml::kDriverNotLoaded;
}

bool is_lost(nvml::Return state) {
  return state == nvml::kGpuIsLost || state == nvml::kResetRequired;
}

}  // namespace

void DeviceSampler::round(uint64_t now_ns) {
  if (session_ && look_again_ns_ && now_ns >= *look_again_ns_) {
    session_.reset();
    ++restarts_;
    next_start_ns_ = now_ns;
  }
  if (!session_ && now_ns >= next_start_ns_) start(now_ns);
  DeviceSnapshot snapshot;
  snapshot.taken_ns = now_ns;
  if (session_) {
    snapshot.driver_version = session_->driver_version();
    snapshot.devices = session_->read(now_ns);
    snapshot.not_supported = session_->not_supported();
    snapshot.not_permitted = session_->not_permitted();
    const bool restart = std::any_of(snapshot.devices.begin(), snapshot.devices.end(),
                                     [](const auto& one) { return needs_restart(one.state); });
    if (restart) {
      log::warn("NVML stopped answering, as the driver was reloaded or replaced; starting it anew");
      session_.reset();
      ++restarts_;
      next_start_ns_ = now_ns + delay_ns_;
      delay_ns_ = std::min(delay_ns_ * 2, kMostDelayNs);
      away_ = nvml::kUninitialized;
    } else {
      delay_ns_ = kFirstDelayNs;
      look_for_lost(snapshot.devices, now_ns);
      say_refusals();
    }
  }
  if (!session_) snapshot.devices = without_figures();
  ++rounds_;
  publish(std::move(snapshot));
}

std::vector<DeviceFigures> DeviceSampler::without_figures() const {
  std::vector<DeviceFigures> devices;
  for (const DeviceIdentity& identity : known_) {
    DeviceFigures& device = devices.emplace_back();
    device.identity = identity;
    device.state = away_;
  }
  return devices;
}

void DeviceSampler::start(uint64_t now_ns) {
  auto started = NvmlSession::start(costs_, known_);
  look_again_ns_.reset();
  if (!started) {
    library_seen_ |= started.error().reason != nvml::kLibraryNotFound;
    away_ = started.error().reason;
    say(started.error());
    next_start_ns_ = now_ns + delay_ns_;
    delay_ns_ = std::min(delay_ns_ * 2, kMostDelayNs);
    return;
  }
  library_seen_ = true;
  said_.clear();
  session_ = std::move(*started);
  for (const std::string& uuid : session_->watched()) xids_.watch(uuid);
}

void DeviceSampler::look_for_lost(const std::vector<DeviceFigures>& devices, uint64_t now_ns) {
  bool any = false;
  known_.clear();
  for (const DeviceFigures& device : devices) {
    known_.push_back(device.identity);
    any |= is_lost(device.state);
    if (is_lost(device.state) && !look_again_ns_)
      log::warn(fmt::format("GPU {} ({}): {}; looking for it again in {} s", device.identity.index,
                            log::escape(device.identity.uuid), reason_of(device.state),
                            lost_delay_ns_ / 1'000'000'000));
  }
  if (!any) {
    lost_delay_ns_ = kLostDelayNs;
  } else if (!look_again_ns_) {
    look_again_ns_ = now_ns + lost_delay_ns_;
    lost_delay_ns_ = std::min(lost_delay_ns_ * 2, kMostLostDelayNs);
  }
}

void DeviceSampler::say(const NvmlFailure& failure) {
  if (failure.message == said_) return;
  said_ = failure.message;
  // Most hosts have no such device: nothing to warn of.
  const bool usual =
      failure.reason == nvml::kLibraryNotFound || failure.reason == nvml::kDriverNotLoaded;
  if (usual)
    log::debug("no figures of GPUs: " + failure.message);
  else
    log::warn("no figures of GPUs: " + failure.message + "; `tacit doctor` tells more");
}

void DeviceSampler::say_refusals() {
  if (refusals_said_ || session_->not_permitted() == 0) return;
  refusals_said_ = true;
  log::warn(fmt::format("{} figures of GPUs may not be read by this user and are left out",
                        session_->not_permitted()));
}

bool DeviceSampler::wait_events(unsigned timeout_ms) {
  if (!session_) return false;
  bool alive = false;
  if (const auto xid = session_->wait_event(timeout_ms, alive)) {
    xids_.add(xid->device->uuid, xid->code);
    log::warn(fmt::format("GPU {}: the driver reported XID {}", xid->device->index, xid->code));
  }
  return alive;
}

void DeviceSampler::publish(DeviceSnapshot snapshot) {
  snapshot.library = library_seen_;
  snapshot.xids = xids_.read();
  snapshot.costs = costs_.read();
  snapshot.rounds = rounds_;
  snapshot.restarts = restarts_;
  auto shared = std::make_shared<const DeviceSnapshot>(std::move(snapshot));
  const std::lock_guard lock(mutex_);
  snapshot_.swap(shared);
}

SnapshotPtr DeviceSampler::snapshot() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

}  // namespace tacit::gpu
