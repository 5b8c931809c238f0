// SPDX-License-Identifier: Apache-2.0
// What one process did on one device, since it was first seen. Plain sums; what a process claims about
// itself may wrap them, which is its own loss.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "agent/gpu/kernels/interval_union.h"
#include "agent/gpu/kernels/kernel_class.h"
#include "bpf/events/gpu_batch.h"

namespace tacit::gpu {

enum class CopyDirection : uint8_t {
  kHostToDevice, kDeviceToHost, kDeviceToDevice, kPeerToPeer, kHostToHost, kUnknown
};
inline constexpr size_t kCopyDirections = 6;
// Label values, by CopyDirection.
inline constexpr std::array<const char*, kCopyDirections> kCopyDirectionNames = {
    "host_to_device", "device_to_host", "device_to_device", "peer_to_peer", "host_to_host",
    "unknown"};

// Arrays are memory of the device.
constexpr CopyDirection direction_of(uint8_t copy_kind) {
  switch (copy_kind) {
    case GPU_COPY_HOST_TO_DEVICE:
    case GPU_COPY_HOST_TO_ARRAY: return CopyDirection::kHostToDevice;
    case GPU_COPY_DEVICE_TO_HOST:
    case GPU_COPY_ARRAY_TO_HOST: return CopyDirection::kDeviceToHost;
    case GPU_COPY_ARRAY_TO_ARRAY:
    case GPU_COPY_ARRAY_TO_DEVICE:
    case GPU_COPY_DEVICE_TO_ARRAY:
    case GPU_COPY_DEVICE_TO_DEVICE: return CopyDirection::kDeviceToDevice;
    case GPU_COPY_PEER_TO_PEER: return CopyDirection::kPeerToPeer;
    case GPU_COPY_HOST_TO_HOST: return CopyDirection::kHostToHost;
  }
  return CopyDirection::kUnknown;
}

struct Moved {
  uint64_t bytes = 0;
  uint64_t time_ns = 0;
  uint64_t count = 0;
  void add(uint64_t more_bytes, uint64_t more_ns) {
    bytes += more_bytes;
    time_ns += more_ns;
    ++count;
  }
};

// From a launch on the host to its start on the device.
struct LaunchLatency {
  static constexpr std::array<uint64_t, 11> kBoundsNs = {
      5'000,     10'000,    25'000,     50'000,      100'000,      250'000,
      1'000'000, 5'000'000, 25'000'000, 100'000'000, 1'000'000'000};
  std::array<uint64_t, kBoundsNs.size() + 1> counts{};  // by bucket, not summed up
  uint64_t sum_ns = 0;
  void add(uint64_t latency_ns) {
    size_t bucket = 0;
    while (bucket < kBoundsNs.size() && latency_ns > kBoundsNs[bucket]) ++bucket;
    ++counts[bucket];
    sum_ns += latency_ns;
  }
};

struct DeviceWork {
  explicit DeviceWork(size_t interval_limit) : busy(interval_limit) {}

  std::array<uint64_t, kKernelClasses> class_ns{};  // copies and memsets are in kCopy
  std::array<uint64_t, kKernelClasses> class_count{};
  std::array<Moved, kCopyDirections> copies{};
  Moved sets;
  uint64_t sync_wait_ns = 0, sync_count = 0;
  uint64_t graph_launches = 0;
  // A kernel ran, or a graph: what NVML calls utilization.
  IntervalUnion busy;
  LaunchLatency latency;
  uint64_t last_work_ns = 0;  // end of the last kernel, graph, copy or memset
};

}  // namespace tacit::gpu
