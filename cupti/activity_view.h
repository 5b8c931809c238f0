// SPDX-License-Identifier: Apache-2.0
// One CUPTI activity record as a gpu_record: reads the leading fields, which have the same places in
// every version from 12.1 to 13.5 (records only grow at their end, so a buffer is walked by
// cuptiActivityGetNextRecord and never by a size). Pure.
#pragma once
#include <cstddef>
#include <cstdint>

#include "bpf/events/gpu_batch.h"

namespace tacit::cupti {

// Byte offsets, from the activity structures of CUPTI's headers (abi_check.cpp).
namespace layout {
inline constexpr size_t kKind = 0;
struct Kernel {  // CUpti_ActivityKernel5 and later
  static constexpr size_t kStart = 16, kEnd = 24, kDevice = 40, kContext = 44, kStream = 48,
                          kCorrelation = 92, kName = 104, kGraph = 156;
};
struct Memcpy {  // CUpti_ActivityMemcpy5 and later
  static constexpr size_t kCopyKind = 4, kBytes = 8, kStart = 16, kEnd = 24, kDevice = 32,
                          kContext = 36, kStream = 40, kCorrelation = 44, kGraph = 72;
};
struct MemcpyPeer {  // CUpti_ActivityMemcpyPtoP4 and later
  static constexpr size_t kCopyKind = 4, kBytes = 8, kStart = 16, kEnd = 24, kDevice = 32,
                          kContext = 36, kStream = 40, kCorrelation = 60, kGraph = 80;
};
struct Memset {  // CUpti_ActivityMemset4 and later
  static constexpr size_t kBytes = 8, kStart = 16, kEnd = 24, kDevice = 32, kContext = 36,
                          kStream = 40, kCorrelation = 44, kGraph = 72;
};
struct Synchronization {  // CUpti_ActivitySynchronization and later
  static constexpr size_t kType = 4, kStart = 8, kEnd = 16, kCorrelation = 24, kContext = 28,
                          kStream = 32;
};
struct GraphTrace {  // CUpti_ActivityGraphTrace and later
  static constexpr size_t kCorrelation = 4, kStart = 8, kEnd = 16, kDevice = 24, kGraph = 28,
                          kContext = 32, kStream = 36;
};
struct Overhead {  // CUpti_ActivityOverhead and later
  static constexpr size_t kOverheadKind = 4, kStart = 24, kEnd = 32;
};
}  // namespace layout

enum class ViewKind : uint8_t { kNone, kRecord, kOverhead };

struct ActivityView {
  ViewKind kind = ViewKind::kNone;  // kNone: of no use to us
  gpu_record record{};              // without launch and name
  const char* name = nullptr;       // a kernel's; CUPTI's memory
  uint64_t overhead_ns = 0;         // kOverhead: the tracing's own, 0 for the program's
};

// `activity` is a record that CUPTI handed over, of one of the kinds that we enable.
ActivityView view_activity(const void* activity);

// The times could be: collected, in order, and not before `launch_ns` (0: not known).
bool times_are_possible(uint64_t start_ns, uint64_t end_ns, uint64_t launch_ns);

}  // namespace tacit::cupti
