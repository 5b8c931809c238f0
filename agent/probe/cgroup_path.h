// SPDX-License-Identifier: Apache-2.0
// Where a process stands in the cgroup v2 hierarchy. Stateless; any thread.
#pragma once
#include <cstdint>
#include <string>

#include "agent/base/result.h"

namespace tacit::probe {

// Mount point of the cgroup2 file system (also beside cgroup v1, the hybrid hierarchy).
Result<std::string> cgroup_mount();

// Its cgroup below the mount point, "/" for the root. Error: it has none, or is gone.
Result<std::string> cgroup_of(uint32_t pid);

}  // namespace tacit::probe
