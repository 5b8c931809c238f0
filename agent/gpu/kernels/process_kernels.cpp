// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/kernels/process_kernels.h"

#include <algorithm>
#include <functional>

namespace tacit::gpu {
namespace {

// CUPTI maps the device's clock to the host's by interpolation: a record may seem to end a little after
// it was handed over.
constexpr uint64_t kClockErrorNs = 100'000'000;
constexpr uint64_t kRebalanceNs = 10'000'000'000;
constexpr uint64_t kSecond = 1'000'000'000;
// What comes later than that is not added to the busy time.
constexpr uint64_t kKeepIntervalsNs = 15 * kSecond;

bool is_possible(const gpu_record& record, uint64_t now_ns) {
  const uint64_t latest = now_ns + kClockErrorNs;
  return record.start_ns != 0 && record.start_ns <= record.end_ns && record.end_ns <= latest &&
         (record.kind == GPU_RECORD_SYNC || record.launch_ns <= record.start_ns);
}

}  // namespace

void ProcessKernels::on_batch(const event::GpuBatch& batch, Rooms rooms) {
  const auto& event = batch.raw->header;
  read_header(*batch.raw, *batch.block);
  for (size_t i = 0; i < batch.slots.size(); ++i) {
    if (batch.slots[i].kind == GPU_RECORD_NAME)
      i += learn_name(batch.slots[i], batch.slots.subspan(i + 1));
    else
      on_record(batch.slots[i], event.pid, event.time_ns, rooms);
  }
  // The kernel's time of the hand-over, not the one that the block claims.
  rooms.windows.handed_over(event.pid, event.time_ns);
}

void ProcessKernels::read_header(const gpu_batch_event& event, const gpu_batch_header& header) {
  gaps_.see(header.sequence);
  if (header.state < GPU_TRACER_STATE_COUNT) {
    if (state_ != header.state) looks_since_ns_ = event.header.time_ns;
    state_ = header.state;
  }
  error_ = header.error;
  cupti_version_ = header.cupti_version;
  // Counters only grow, whatever is said.
  dropped_ = std::max<uint64_t>(dropped_, header.dropped);
  invalid_ = std::max<uint64_t>(invalid_, header.invalid);
  overhead_ns_ = std::max<uint64_t>(overhead_ns_, header.overhead_ns);
  // The kernel side forgets who sent nothing for long, and begins at 0 again.
  lost_slots_ += event.lost_slots - (event.lost_slots >= lost_before_ ? lost_before_ : 0);
  lost_before_ = event.lost_slots;
}

// How many slots behind it were its text.
size_t ProcessKernels::learn_name(const gpu_record& record, std::span<const gpu_record> behind) {
  const size_t slots = record.bytes > GPU_NAME_BYTES
                           ? behind.size()
                           : (static_cast<size_t>(record.bytes) + GPU_SLOT_BYTES - 1) / GPU_SLOT_BYTES;
  if (record.bytes > GPU_NAME_BYTES || slots > behind.size() || record.name == 0 ||
      record.name >= kMaxNames) {
    count(RecordFault::kName);
    return std::min(slots, behind.size());
  }
  const std::string_view text(reinterpret_cast<const char*>(behind.data()), record.bytes);
  const auto hash = static_cast<uint32_t>(std::hash<std::string_view>{}(text)) | 1;
  if (record.name >= names_.size()) names_.resize(record.name + 1);
  Name& name = names_[record.name];
  if (name.text_hash == hash) return slots;  // repeated for those who came later
  if (renames_ >= kMaxRenames) {
    count(RecordFault::kName);
    return slots;
  }
  ++renames_;
  const KernelName read = read_kernel_name(text);
  name = {hash, top_.intern(read.label), read.kernel_class};
  return slots;
}

DeviceWork* ProcessKernels::device(uint16_t number, size_t interval_limit) {
  const auto found = devices_.find(number);
  if (found != devices_.end()) return &found->second;
  if (devices_.size() >= kMaxDevices) return nullptr;
  return &devices_.try_emplace(number, interval_limit).first->second;
}

void ProcessKernels::add_kernel(const gpu_record& record, DeviceWork& device,
                                LaunchedWork& work) {
  const uint64_t time_ns = record.end_ns - record.start_ns;
  uint16_t label = TopKernels::kOther;
  if (record.kind == GPU_RECORD_GRAPH) {
    work.kernel_class = KernelClass::kGraph;
    ++device.graph_launches;
  } else {
    if (record.name < names_.size()) {
      label = names_[record.name].label;
      work.kernel_class = names_[record.name].kernel_class;
    }
    top_.add(label, time_ns);
    work.is_launch = record.graph == 0;
  }
  device.class_ns[static_cast<size_t>(work.kernel_class)] += time_ns;
  ++device.class_count[static_cast<size_t>(work.kernel_class)];
  device.busy.add(record.start_ns, record.end_ns);
  if (work.is_launch && record.launch_ns != 0)
    device.latency.add(record.start_ns - record.launch_ns);
}

void ProcessKernels::on_record(const gpu_record& record, uint32_t pid, uint64_t now_ns,
                               Rooms& rooms) {
  if (record.kind < GPU_RECORD_KERNEL || record.kind > GPU_RECORD_GRAPH)
    return count(RecordFault::kKind);
  if (!is_possible(record, now_ns)) return count(RecordFault::kTime);
  DeviceWork* figures = device(record.device, rooms.interval_limit);
  if (figures == nullptr) return count(RecordFault::kDevice);
  ++records_;
  const uint64_t time_ns = record.end_ns - record.start_ns;
  LaunchedWork work{.launch_ns = record.launch_ns,
                    .start_ns = record.start_ns,
                    .end_ns = record.end_ns,
                    .bytes = record.bytes};
  constexpr auto kCopyClass = static_cast<size_t>(KernelClass::kCopy);
  switch (record.kind) {
    case GPU_RECORD_SYNC:
      figures->sync_wait_ns += time_ns;
      ++figures->sync_count;
      work.kind = WorkKind::kSync;
      break;
    case GPU_RECORD_SET:
      figures->sets.add(record.bytes, time_ns);
      figures->class_ns[kCopyClass] += time_ns;
      ++figures->class_count[kCopyClass];
      break;
    case GPU_RECORD_COPY:
      work.kind = WorkKind::kCopy;
      work.direction = direction_of(record.detail);
      figures->copies[static_cast<size_t>(work.direction)].add(record.bytes, time_ns);
      figures->class_ns[kCopyClass] += time_ns;
      ++figures->class_count[kCopyClass];
      break;
    default:
      add_kernel(record, *figures, work);
  }
  if (record.kind != GPU_RECORD_SYNC)
    figures->last_work_ns = std::max<uint64_t>(figures->last_work_ns, record.end_ns);
  if (record.kind == GPU_RECORD_SET) return;  // belongs to no window: it moves nothing
  work.tid = rooms.threads.host_tid(pid, record.tid, now_ns);
  const LinkRule rule = rooms.windows.link(pid, work);
  if (work.kind == WorkKind::kKernel) linked_ns_[static_cast<size_t>(rule)] += time_ns;
}

void ProcessKernels::tick(uint64_t now_ns, size_t interval_limit) {
  for (auto& [number, device] : devices_) {
    device.busy.set_limit(interval_limit);
    if (now_ns > kKeepIntervalsNs) device.busy.seal_before(now_ns - kKeepIntervalsNs);
  }
  if (now_ns < next_rebalance_ns_) return;
  if (next_rebalance_ns_ != 0) top_.rebalance();
  next_rebalance_ns_ = now_ns + kRebalanceNs;
}

uint64_t ProcessKernels::late_busy_ns() const {
  uint64_t sum = 0;
  for (const auto& [number, device] : devices_) sum += device.busy.late_ns();
  return sum;
}

bool ProcessKernels::looks() const {
  return state_ == GPU_TRACER_ACTIVE || state_ == GPU_TRACER_NO_COPIES ||
         state_ == GPU_TRACER_GRAPHS;
}

TracedWork ProcessKernels::work() const {
  TracedWork work{.last_ns = 0, .looks_since_ns = looks() ? looks_since_ns_ : 0};
  for (const auto& [number, device] : devices_)
    work.last_ns = std::max(work.last_ns, device.last_work_ns);
  return work;
}

std::optional<double> ProcessKernels::busy_ratio(uint16_t number, uint64_t now_ns) {
  const auto found = devices_.find(number);
  constexpr uint64_t kSpanNs = 5 * kSecond, kLateNs = 2 * kSecond;
  if (!looks() || found == devices_.end() || now_ns < looks_since_ns_ + kSpanNs + kLateNs)
    return std::nullopt;
  const uint64_t end = now_ns - kLateNs;
  const auto busy = found->second.busy.covered_ns(end - kSpanNs, end);
  if (!busy) return std::nullopt;
  return static_cast<double>(*busy) / static_cast<double>(kSpanNs);
}

}  // namespace tacit::gpu
