// SPDX-License-Identifier: Apache-2.0
// The thread of the device figures. Between rounds it waits for the devices' events, so that none
// is missed and none costs a thread of its own.
#pragma once
#include <chrono>
#include <memory>

#include "agent/gpu/device/device_sampler.h"

namespace tacit::gpu {

class SamplerThread {
 public:
  static constexpr std::chrono::milliseconds kPeriod{1'000};

  // Starts at once; NVML is loaded on the thread, as its start may take seconds.
  explicit SamplerThread(std::chrono::milliseconds period = kPeriod);
  // Waits up to 2 s for the round that runs. A driver that hangs must not keep the agent from
  // ending: its thread is then left behind with all that it uses.
  ~SamplerThread();
  SamplerThread(const SamplerThread&) = delete;
  SamplerThread& operator=(const SamplerThread&) = delete;

  // Never null; any thread.
  SnapshotPtr snapshot() const;

 private:
  struct Shared;
  static void run(const std::shared_ptr<Shared>& shared);

  std::shared_ptr<Shared> shared_;
};

}  // namespace tacit::gpu
