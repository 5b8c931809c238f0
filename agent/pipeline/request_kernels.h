// SPDX-License-Identifier: Apache-2.0
// What served requests had a device do: a window of time for each request of a process whose kernels are
// told (gpu/kernels/kernel_windows.h), and its sums as attributes of the span, which waits for them.
// Loop thread.
#pragma once
#include <cstdint>
#include <unordered_map>

#include "agent/gpu/kernels/kernel_tracer.h"
#include "agent/telemetry/span.h"

namespace tacit::pipeline {

class RequestKernels {
 public:
  // Null: nothing is done. Must outlive it.
  explicit RequestKernels(gpu::KernelTracer* tracer) : tracer_(tracer) {}

  // `request`: its place in a trace, which is there as long as the request is.
  void began(const void* request, uint32_t pid, uint32_t tid, uint64_t begin_ns);
  // The window is closed and the caller's; kNoWindow: there was none.
  gpu::WindowId over(const void* request, uint64_t end_ns);
  // Nobody wants it.
  void drop(gpu::WindowId window);
  // Once the sums are final, or `force`: they are added, and the window is gone: true.
  bool complete(telemetry::Span& span, gpu::WindowId window, uint64_t now_ns, bool force);

 private:
  gpu::KernelTracer* tracer_;
  std::unordered_map<const void*, gpu::WindowId> windows_;
};

}  // namespace tacit::pipeline
