// SPDX-License-Identifier: Apache-2.0
#include "cupti/governor.h"

#include "cupti/monotonic.h"
#include "cupti/settings.h"

namespace tacit::cupti {
namespace {

constexpr uint64_t kGrace_ns = 10 * kSecond_ns;
constexpr uint64_t kCalm_ns = 60 * kSecond_ns;
constexpr uint64_t kOff_ns = 600 * kSecond_ns;
constexpr uint64_t kCycle_ns = 60 * kSecond_ns;
constexpr uint64_t kCycleOn_ns = 5 * kSecond_ns;
constexpr uint64_t kRelapse_ns = 120 * kSecond_ns;  // a step up that lasted less was too early
constexpr uint32_t kWindowsOver = 3;
constexpr uint32_t kMostPatience = 16;

// Both at most some weeks in ns, so that the product fits.
uint64_t share_of(uint64_t part_ns, uint64_t whole_ns) {
  if (whole_ns == 0) return 0;
  if (part_ns >= whole_ns) return kPartsPerMillion;
  return part_ns * 1000 / (whole_ns / 1000 + 1);
}

}  // namespace

Governor::Governor(uint32_t budget_ppm, uint64_t now_ns)
    : budget_ppm_(budget_ppm), begun_ns_(now_ns), window_ns_(now_ns) {}

bool Governor::traces(uint64_t now_ns) const {
  if (level_ == GPU_TRACER_OFF) return false;
  return level_ != GPU_TRACER_DUTY_CYCLE || now_ns - window_ns_ < kCycleOn_ns;
}

void Governor::open_window(uint64_t now_ns, uint64_t overhead_ns) {
  window_ns_ = now_ns;
  window_overhead_ns_ = overhead_ns;
}

void Governor::update(uint64_t now_ns, uint64_t overhead_ns) {
  const uint64_t length_ns = now_ns - window_ns_;
  const uint64_t spent_ns = overhead_ns - window_overhead_ns_;
  if (now_ns - begun_ns_ < kGrace_ns) return open_window(now_ns, overhead_ns);
  switch (level_) {
    case GPU_TRACER_OFF:
      if (length_ns >= kOff_ns * patience_) {
        step_up(now_ns);
        open_window(now_ns, overhead_ns);
      }
      return;
    case GPU_TRACER_DUTY_CYCLE:
      if (length_ns < kCycle_ns) return;
      judge_cycle(now_ns, spent_ns);
      return open_window(now_ns, overhead_ns);
    default:
      if (length_ns < kSecond_ns) return;
      judge_seconds(now_ns, share_of(spent_ns, length_ns));
      return open_window(now_ns, overhead_ns);
  }
}

void Governor::judge_seconds(uint64_t now_ns, uint64_t share_ppm) {
  if (share_ppm > budget_ppm_) {
    calm_since_ns_ = 0;
    if (++windows_over_ >= kWindowsOver) step_down(now_ns);
    return;
  }
  windows_over_ = 0;
  if (share_ppm * 2 > budget_ppm_ || level_ == GPU_TRACER_ACTIVE) {
    calm_since_ns_ = 0;
    return;
  }
  if (calm_since_ns_ == 0) calm_since_ns_ = now_ns;
  if (now_ns - calm_since_ns_ >= kCalm_ns * patience_) step_up(now_ns);
}

void Governor::judge_cycle(uint64_t now_ns, uint64_t spent_ns) {
  if (share_of(spent_ns, kCycle_ns) > budget_ppm_) return step_down(now_ns);
  // What it would cost all the time.
  if (share_of(spent_ns, kCycleOn_ns) * 2 > budget_ppm_) {
    calm_since_ns_ = 0;
    return;
  }
  if (calm_since_ns_ == 0) calm_since_ns_ = now_ns;
  if (now_ns - calm_since_ns_ >= kCalm_ns * patience_) step_up(now_ns);
}

void Governor::step_down(uint64_t now_ns) {
  if (stepped_up_ns_ != 0 && now_ns - stepped_up_ns_ < kRelapse_ns && patience_ < kMostPatience)
    patience_ *= 2;
  if (level_ != GPU_TRACER_OFF) level_ = static_cast<gpu_tracer_state>(level_ + 1);
  windows_over_ = 0;
  calm_since_ns_ = 0;
}

void Governor::step_up(uint64_t now_ns) {
  level_ = static_cast<gpu_tracer_state>(level_ - 1);
  stepped_up_ns_ = now_ns;
  windows_over_ = 0;
  calm_since_ns_ = 0;
}

}  // namespace tacit::cupti
