// SPDX-License-Identifier: Apache-2.0
// What the kernel gives the probes, for `tacit doctor`. Loads nothing that stays.
#pragma once
#include <vector>

#include "agent/base/host_check.h"

namespace tacit::probe {

std::vector<HostCheck> check_kernel();

}  // namespace tacit::probe
