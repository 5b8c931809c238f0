// SPDX-License-Identifier: Apache-2.0
#include "cupti/collector.h"

#include "cupti/activity_view.h"
#include "cupti/monotonic.h"

namespace tacit::cupti {

void Collector::note_launch(uint32_t correlation) {
  // A driver call inside a runtime call has its id: the outer call is the one that counts.
  if (launches_.holds(correlation)) return;
  const uint64_t now_ns = monotonic_ns();
  launches_.note(correlation, threads_.current(), now_ns);
  if (correlation % kSampled != 0) return;
  figures_.add(sampled_calls_, 1);
  const uint64_t took_ns = monotonic_ns() - now_ns;
  // Longer is not the callback but another program's turn on this core, and is not multiplied.
  figures_.add(figures_.overhead_ns, took_ns < kLongestCallback_ns ? took_ns * kSampled : took_ns);
}

void Collector::request(uint8_t** buffer, size_t* bytes, size_t* max_records) {
  const bool may_refuse =
      figures_.cupti_version.load(std::memory_order_relaxed) >= kNullBufferVersion;
  const BufferPool::Buffer given = buffers_.take(may_refuse);
  *buffer = given.data;
  *bytes = given.bytes;
  *max_records = 0;  // as many as fit
}

bool Collector::completed(void* context, uint32_t stream, uint8_t* buffer, size_t valid_bytes) {
  const uint64_t begun_ns = thread_cpu_ns();
  Batch batch;
  if (buffer != nullptr) {
    const bool keep = buffers_.keeps(buffer);
    void* record = nullptr;
    int result = kSuccess;
    while ((result = cupti_.next_record(buffer, valid_bytes, &record)) == kSuccess)
      take_in(record, keep, batch);
    if (result != kMaxLimitReached)  // the rest of the buffer cannot be read
      figures_.error.store(result, std::memory_order_relaxed);
    buffers_.give_back(buffer, valid_bytes);
  }
  put(batch);
  figures_.add(graph_kernels_, batch.graph_kernels);
  figures_.add(other_kernels_, batch.other_kernels);
  size_t dropped = 0;
  // Without a lock of ours: CUPTI takes its own in here.
  if (cupti_.dropped_records(context, stream, &dropped) == kSuccess)
    figures_.add(figures_.dropped, dropped);
  figures_.add(completed_buffers_, 1);
  figures_.add(figures_.overhead_ns, thread_cpu_ns() - begun_ns);
  return batch.finished_block;
}

void Collector::take_in(const void* activity, bool keep, Batch& batch) {
  const ActivityView view = view_activity(activity);
  if (view.kind == ViewKind::kOverhead) figures_.add(figures_.overhead_ns, view.overhead_ns);
  if (view.kind != ViewKind::kRecord) return;
  if (!keep) return figures_.add(figures_.dropped, 1);
  Outbox::Entry& entry = batch.entries[batch.count];
  entry = {view.record, view.name};
  join(entry.record);
  if (!times_are_possible(entry.record.start_ns, entry.record.end_ns, entry.record.launch_ns))
    return figures_.add(figures_.invalid, 1);
  name_device(entry.record);
  if (entry.record.kind == GPU_RECORD_KERNEL)
    ++(entry.record.graph != 0 ? batch.graph_kernels : batch.other_kernels);
  if (++batch.count == kEntries) put(batch);
}

void Collector::join(gpu_record& record) {
  Launch launch;
  if (!launches_.find(record.correlation, launch)) return;
  if (record.start_ns > launch.time_ns + kOldestLaunch_ns) return;
  record.launch_ns = launch.time_ns;
  record.tid = launch.tid;
}

void Collector::name_device(gpu_record& record) {
  std::atomic<uint32_t>& known = devices_[record.context % 64];
  const uint32_t context_bits = record.context << 16;
  if (record.device != GPU_DEVICE_UNKNOWN) {
    const uint32_t pair = context_bits | (record.device + 1u);
    if (known.load(std::memory_order_relaxed) != pair)
      known.store(pair, std::memory_order_relaxed);
    return;
  }
  const uint32_t pair = known.load(std::memory_order_relaxed);
  if (pair != 0 && (pair & 0xffff0000u) == context_bits)
    record.device = static_cast<uint16_t>((pair & 0xffffu) - 1);
}

void Collector::put(Batch& batch) {
  if (batch.count == 0) return;
  const Outbox::Appended appended = outbox_.append(batch.entries, batch.count);
  batch.count = 0;
  batch.finished_block |= appended.finished_block;
  if (appended.dropped != 0) figures_.add(figures_.dropped, appended.dropped);
}

Collector::Counts Collector::counts() const {
  return {.calls = sampled_calls_.load(std::memory_order_relaxed) * kSampled,
          .buffers = completed_buffers_.load(std::memory_order_relaxed),
          .graph_kernels = graph_kernels_.load(std::memory_order_relaxed),
          .other_kernels = other_kernels_.load(std::memory_order_relaxed)};
}

}  // namespace tacit::cupti
