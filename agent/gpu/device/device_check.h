// SPDX-License-Identifier: Apache-2.0
// For `tacit doctor`: which NVIDIA devices there are, or why none.
#pragma once
#include "agent/base/host_check.h"

namespace tacit::gpu {

// Starts NVML, reads every device once and ends it again: may take seconds.
HostCheck check_devices();

}  // namespace tacit::gpu
