// SPDX-License-Identifier: Apache-2.0
// The figures of one process as metric families; agent/gpu/README.md lists them.
#pragma once
#include <cstdint>

#include "agent/gpu/kernels/process_kernels.h"
#include "agent/metrics/family_set.h"

namespace tacit::gpu {

void add_kernel_families(metrics::FamilySet& families, uint32_t pid, ProcessKernels& process,
                         uint64_t now_ns);

}  // namespace tacit::gpu
