// SPDX-License-Identifier: Apache-2.0
// The door back into a kernel that is not there: for replays of recorded events.
#pragma once
#include "agent/probe/probe_control.h"

namespace tacit::harness {

class NoProbes final : public probe::ProbeControl {
 public:
  Result<void> follow(uint32_t) override { return {}; }
  void unfollow(uint32_t) override {}
  void mute(uint64_t) override {}
  void skip(uint64_t, connection::Direction, uint32_t) override {}
  void forget_socket(uint64_t) override {}
  probe::Inspection inspect(uint32_t) override { return {}; }
  void forget(uint32_t) override {}
  void trace(uint32_t, const traced_process&) override {}
  void set_program_trace(uint32_t, const std::optional<program_trace>&) override {}
  uint64_t lost_task_events() const override { return 0; }
  uint64_t lost_events() const override { return 0; }
};

}  // namespace tacit::harness
