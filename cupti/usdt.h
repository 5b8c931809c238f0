// SPDX-License-Identifier: Apache-2.0
// The static probe tacit:gpu_batch (notes in .note.stapsdt, as SystemTap and libbpf read them): one
// classic one-byte nop, its arguments in fixed registers, and a semaphore that whoever attaches
// counts up.
#pragma once
#include <cstddef>

namespace tacit::cupti {

// Somebody is attached.
bool gpu_batch_is_watched();
// Passes the probe with the address and the length of a block.
void fire_gpu_batch(const void* block, size_t bytes);

}  // namespace tacit::cupti
