// SPDX-License-Identifier: Apache-2.0
#include "cupti/activity_view.h"

#include <cstring>

#include "cupti/cupti_abi.h"

namespace tacit::cupti {
namespace {

template <typename T>
T field(const void* activity, size_t offset) {
  T value;
  ::memcpy(&value, static_cast<const char*>(activity) + offset, sizeof(value));
  return value;
}

uint16_t device_of(uint32_t device) {
  return device < GPU_DEVICE_UNKNOWN ? static_cast<uint16_t>(device) : GPU_DEVICE_UNKNOWN;
}

// What kernels, copies and memsets have in common.
template <typename Layout>
gpu_record device_work(const void* activity, gpu_record_kind kind) {
  gpu_record record{};
  record.kind = kind;
  record.device = device_of(field<uint32_t>(activity, Layout::kDevice));
  record.context = field<uint32_t>(activity, Layout::kContext);
  record.stream = field<uint32_t>(activity, Layout::kStream);
  record.correlation = field<uint32_t>(activity, Layout::kCorrelation);
  record.graph = field<uint32_t>(activity, Layout::kGraph);
  record.start_ns = field<uint64_t>(activity, Layout::kStart);
  record.end_ns = field<uint64_t>(activity, Layout::kEnd);
  return record;
}

template <typename Layout>
gpu_record copy(const void* activity) {
  gpu_record record = device_work<Layout>(activity, GPU_RECORD_COPY);
  record.detail = field<uint8_t>(activity, Layout::kCopyKind);
  record.bytes = field<uint64_t>(activity, Layout::kBytes);
  return record;
}

gpu_record memory_set(const void* activity) {
  gpu_record record = device_work<layout::Memset>(activity, GPU_RECORD_SET);
  record.bytes = field<uint64_t>(activity, layout::Memset::kBytes);
  return record;
}

gpu_record synchronization(const void* activity) {
  using Layout = layout::Synchronization;
  gpu_record record{};
  record.kind = GPU_RECORD_SYNC;
  record.detail = static_cast<uint8_t>(field<uint32_t>(activity, Layout::kType));
  record.device = GPU_DEVICE_UNKNOWN;  // the record names a context only
  record.context = field<uint32_t>(activity, Layout::kContext);
  record.stream = field<uint32_t>(activity, Layout::kStream);
  record.correlation = field<uint32_t>(activity, Layout::kCorrelation);
  record.start_ns = field<uint64_t>(activity, Layout::kStart);
  record.end_ns = field<uint64_t>(activity, Layout::kEnd);
  return record;
}

uint64_t own_overhead(const void* activity) {
  using Layout = layout::Overhead;
  switch (field<uint32_t>(activity, Layout::kOverheadKind)) {
    case kOverheadBufferFlush:
    case kOverheadInstrumentation:
    case kOverheadResource:
    case kOverheadBufferRequest: break;
    default: return 0;  // the driver's compiler, lazy loading: there without us too
  }
  const auto start_ns = field<uint64_t>(activity, Layout::kStart);
  const auto end_ns = field<uint64_t>(activity, Layout::kEnd);
  return times_are_possible(start_ns, end_ns, 0) ? end_ns - start_ns : 0;
}

}  // namespace

ActivityView view_activity(const void* activity) {
  ActivityView view;
  view.kind = ViewKind::kRecord;
  switch (field<uint32_t>(activity, layout::kKind)) {
    case kActivityKernel:
    case kActivityConcurrentKernel:
      view.record = device_work<layout::Kernel>(activity, GPU_RECORD_KERNEL);
      view.name = field<const char*>(activity, layout::Kernel::kName);
      break;
    case kActivityMemcpy: view.record = copy<layout::Memcpy>(activity); break;
    case kActivityMemcpy2: view.record = copy<layout::MemcpyPeer>(activity); break;
    case kActivityMemset: view.record = memory_set(activity); break;
    case kActivitySynchronization: view.record = synchronization(activity); break;
    case kActivityGraphTrace:
      view.record = device_work<layout::GraphTrace>(activity, GPU_RECORD_GRAPH);
      break;
    case kActivityOverhead:
      view.kind = ViewKind::kOverhead;
      view.overhead_ns = own_overhead(activity);
      break;
    default: view.kind = ViewKind::kNone;
  }
  return view;
}

bool times_are_possible(uint64_t start_ns, uint64_t end_ns, uint64_t launch_ns) {
  return start_ns != 0 && end_ns >= start_ns && start_ns >= launch_ns;
}

}  // namespace tacit::cupti
