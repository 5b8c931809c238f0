// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/device/sampler_thread.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "agent/base/clock.h"
#include "agent/base/log.h"

namespace tacit::gpu {
namespace {

using std::chrono::milliseconds;

// How long the end of the agent may have to wait for the end of a wait for events.
constexpr milliseconds kLongestWait{100};
constexpr std::chrono::seconds kPatience{2};

}  // namespace

struct SamplerThread::Shared {
  explicit Shared(milliseconds every) : period(every) {}

  bool sleep(std::chrono::steady_clock::time_point until) {
    std::unique_lock lock(mutex);
    changed.wait_until(lock, until, [this] { return stopping; });
    return !stopping;
  }

  const milliseconds period;
  DeviceSampler sampler;
  std::mutex mutex;  // the rest
  std::condition_variable changed;
  bool stopping = false;
  bool ended = false;
};

SamplerThread::SamplerThread(milliseconds period) : shared_(std::make_shared<Shared>(period)) {
  std::thread([shared = shared_] { run(shared); }).detach();
}

SamplerThread::~SamplerThread() {
  std::unique_lock lock(shared_->mutex);
  shared_->stopping = true;
  shared_->changed.notify_all();
  if (!shared_->changed.wait_for(lock, kPatience, [this] { return shared_->ended; }))
    log::warn("a call to the NVIDIA driver does not return; ending without it");
}

SnapshotPtr SamplerThread::snapshot() const { return shared_->sampler.snapshot(); }

void SamplerThread::run(const std::shared_ptr<Shared>& shared) {
  using Clock = std::chrono::steady_clock;
  try {
    auto next = Clock::now();
    while (shared->sleep(Clock::now())) {
      shared->sampler.round(monotonic_ns());
      // A round that took longer than the period does not make the next ones follow at once.
      next = std::max(next + shared->period, Clock::now() + shared->period / 2);
      bool events = true;
      while (Clock::now() < next && shared->sleep(Clock::now())) {
        const auto began = Clock::now();
        const auto left = std::chrono::ceil<milliseconds>(next - began);
        if (!events) {
          shared->sleep(next);
          continue;
        }
        events = shared->sampler.wait_events(
            static_cast<unsigned>(std::clamp(left, milliseconds(1), kLongestWait).count()));
        // NVML may come back early, for nothing: never spin.
        if (Clock::now() - began < milliseconds(1)) shared->sleep(Clock::now() + milliseconds(1));
      }
    }
    shared->sampler.stop();
  } catch (const std::exception& error) {
    log::error(std::string("figures of GPUs ended: ") + log::escape(error.what()));
  }
  const std::lock_guard lock(shared->mutex);
  shared->ended = true;
  shared->changed.notify_all();
}

}  // namespace tacit::gpu
