// SPDX-License-Identifier: Apache-2.0
// What `tacit exec` and `tacit run` do between the building of the parts and their end. Both run
// the loop on the calling thread and return the exit status.
#pragma once
#include "agent/base/result.h"
#include "agent/command/child_process.h"
#include "agent/command/signals.h"
#include "agent/discovery/process_table.h"
#include "agent/pipeline/agent_loop.h"
#include "agent/probe/probe_set.h"

namespace tacit::command {

// Lets the child go, passes signals on to it, and stops when it ends. The status is the command's.
Result<int> supervise(ChildProcess& child, const Signals& signals, pipeline::AgentLoop& loop,
                      probe::ProbeSet& probes);

// Follows what the selectors match now and later, until it is told to stop.
Result<int> observe_host(const Signals& signals, pipeline::AgentLoop& loop,
                         probe::ProbeSet& probes, discovery::ProcessTable& processes);

}  // namespace tacit::command
