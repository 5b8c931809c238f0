// SPDX-License-Identifier: Apache-2.0
// Who made an event: of every event that has a `by` (bpf/events/task.h).
#pragma once
#include "agent/connection/connection.h"

namespace tacit::pipeline {

template <typename Raw>
connection::Actor actor_of(const Raw& raw) {
  return {raw.header.pid, raw.header.tid, raw.by.task, raw.by.turn};
}

}  // namespace tacit::pipeline
