// SPDX-License-Identifier: Apache-2.0
// What every block's header tells about the tracer itself. Written by any thread, read by the one
// that hands over; each figure stands for itself, so the order of their changes does not matter.
#pragma once
#include <atomic>
#include <cstdint>

#include "bpf/events/gpu_batch.h"

namespace tacit::cupti {

struct Figures {
  std::atomic<uint64_t> dropped{0};
  std::atomic<uint64_t> invalid{0};
  std::atomic<uint64_t> overhead_ns{0};
  std::atomic<uint32_t> state{GPU_TRACER_WAITING};
  std::atomic<int32_t> error{0};
  std::atomic<uint32_t> cupti_version{0};

  void add(std::atomic<uint64_t>& figure, uint64_t amount) {
    figure.fetch_add(amount, std::memory_order_relaxed);
  }
};

}  // namespace tacit::cupti
