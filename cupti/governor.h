// SPDX-License-Identifier: Apache-2.0
// Keeps the tracer's own cost under a budget by stepping down, and back up slowly. Pure: told the
// time and the cost so far, about once a second; not safe for several threads.
//
// Down one step after 3 windows in a row over the budget; up one step after a calm time (a minute,
// doubled each time a step up did not last, at most 16) under half the budget. In DUTY_CYCLE, 5
// seconds in 60 are traced and a window is a whole cycle. OFF costs nothing, so it is left by time
// alone: 10 minutes, doubled likewise.
#pragma once
#include <cstdint>

#include "bpf/events/gpu_batch.h"

namespace tacit::cupti {

class Governor {
 public:
  // Nothing is judged in the first 10 seconds: modules are loaded and patched once, at the start.
  Governor(uint32_t budget_ppm, uint64_t now_ns);

  // `overhead_ns` never falls.
  void update(uint64_t now_ns, uint64_t overhead_ns);
  // ACTIVE, NO_COPIES, GRAPHS, DUTY_CYCLE or OFF.
  gpu_tracer_state level() const { return level_; }
  // Whether this moment is traced: always but in the idle part of DUTY_CYCLE, and OFF.
  bool traces(uint64_t now_ns) const;

 private:
  void step_down(uint64_t now_ns);
  void step_up(uint64_t now_ns);
  void open_window(uint64_t now_ns, uint64_t overhead_ns);
  void judge_seconds(uint64_t now_ns, uint64_t share_ppm);
  void judge_cycle(uint64_t now_ns, uint64_t spent_ns);

  uint32_t budget_ppm_;
  gpu_tracer_state level_ = GPU_TRACER_ACTIVE;
  uint64_t begun_ns_;
  uint64_t window_ns_;              // when the window began
  uint64_t window_overhead_ns_ = 0;
  uint64_t calm_since_ns_ = 0;      // 0: not calm
  uint64_t stepped_up_ns_ = 0;      // 0: never
  uint32_t patience_ = 1;           // calm time and OFF are multiplied by it
  uint32_t windows_over_ = 0;
};

}  // namespace tacit::cupti
