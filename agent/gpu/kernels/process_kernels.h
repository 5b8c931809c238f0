// SPDX-License-Identifier: Apache-2.0
// What one process's tracer handed over, turned into figures. Everything in a block is the process's own
// word: whatever it says costs bounded memory and time, and changes nobody's figures but its own.
// KernelTracer owns it and locks.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "agent/event/event.h"
#include "agent/gpu/kernels/device_work.h"
#include "agent/gpu/kernels/kernel_windows.h"
#include "agent/gpu/kernels/sequence_gaps.h"
#include "agent/gpu/kernels/thread_ids.h"
#include "agent/gpu/kernels/top_kernels.h"
#include "agent/telemetry/resource.h"

namespace tacit::gpu {

// A record of no use, by reason: label values.
enum class RecordFault : uint8_t { kTime, kDevice, kKind, kName };
inline constexpr size_t kRecordFaults = 4;
inline constexpr std::array<const char*, kRecordFaults> kRecordFaultNames = {"time", "device", "kind",
                                                                             "name"};

// When a process last did something on any device. CLOCK_MONOTONIC.
struct TracedWork {
  uint64_t last_ns = 0;         // end of its last kernel, graph, copy or memset; 0: none yet
  uint64_t looks_since_ns = 0;  // each kernel from then on is told; 0: not each is
};

class ProcessKernels {
 public:
  static constexpr size_t kMaxDevices = 16;
  static constexpr uint32_t kMaxNames = 16384;    // numbers of names, which are dense
  static constexpr uint32_t kMaxRenames = 65536;  // names told, but for repetitions

  struct Rooms {
    ThreadIds& threads;
    KernelWindows& windows;
    size_t interval_limit;  // for a device
  };

  void on_batch(const event::GpuBatch& batch, Rooms rooms);
  void finish() { gaps_.finish(); }  // nothing more will come
  void tick(uint64_t now_ns, size_t interval_limit);

  // As the tracer said last; UINT32_MAX: nothing yet.
  uint32_t state() const { return state_; }
  int32_t error() const { return error_; }
  uint32_t cupti_version() const { return cupti_version_; }
  uint64_t dropped() const { return dropped_; }         // by CUPTI or the library
  uint64_t invalid() const { return invalid_; }         // as the library counted
  uint64_t overhead_ns() const { return overhead_ns_; }
  uint64_t records() const { return records_; }         // received, names not counted
  uint64_t lost_blocks() const { return gaps_.lost(); }
  uint64_t lost_slots() const { return lost_slots_; }   // of blocks that the ring did not take
  uint64_t late_busy_ns() const;
  const std::array<uint64_t, kRecordFaults>& faults() const { return faults_; }
  const std::array<uint64_t, kLinkRules>& linked_ns() const { return linked_ns_; }
  std::map<uint16_t, DeviceWork>& devices() { return devices_; }
  const TopKernels& top() const { return top_; }
  // Share of [now - 7 s, now - 2 s) in which a kernel ran; what comes later than that is not in it.
  // nullopt: the tracer did not look all the time, or nothing came for so long yet.
  std::optional<double> busy_ratio(uint16_t device, uint64_t now_ns);
  TracedWork work() const;

  telemetry::ResourcePtr resource;  // of the process, kept by the owner
  uint64_t exited_ns = 0;  // 0: it lives

 private:
  struct Name {  // 8 bytes: there may be many
    uint32_t text_hash = 0;
    uint16_t label = TopKernels::kOther;
    KernelClass kernel_class = KernelClass::kOther;
  };

  bool looks() const;
  void read_header(const gpu_batch_event& event, const gpu_batch_header& header);
  void on_record(const gpu_record& record, uint32_t pid, uint64_t now_ns, Rooms& rooms);
  size_t learn_name(const gpu_record& record, std::span<const gpu_record> behind);
  void add_kernel(const gpu_record& record, DeviceWork& device, LaunchedWork& work);
  DeviceWork* device(uint16_t number, size_t interval_limit);
  void count(RecordFault fault) { ++faults_[static_cast<size_t>(fault)]; }

  std::map<uint16_t, DeviceWork> devices_;
  std::vector<Name> names_;  // by number
  TopKernels top_;
  SequenceGaps gaps_;
  uint32_t state_ = UINT32_MAX;
  uint64_t looks_since_ns_ = 0;  // in this state
  int32_t error_ = 0;
  uint32_t cupti_version_ = 0;
  uint64_t dropped_ = 0, invalid_ = 0, overhead_ns_ = 0, records_ = 0;
  uint64_t lost_slots_ = 0;
  uint32_t lost_before_ = 0;  // as the kernel side counted
  uint32_t renames_ = 0;
  uint64_t next_rebalance_ns_ = 0;
  std::array<uint64_t, kRecordFaults> faults_{};
  std::array<uint64_t, kLinkRules> linked_ns_{};
};

}  // namespace tacit::gpu
