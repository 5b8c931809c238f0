// SPDX-License-Identifier: Apache-2.0
// What the runtime probes would do in a process, for `tacit doctor --pid`. Attaches nothing.
#pragma once
#include <cstdint>

#include "agent/base/host_check.h"

namespace tacit::probe {

// What is recognised in its images, and which probes are refused and why.
HostCheck check_process(uint32_t pid);

}  // namespace tacit::probe
