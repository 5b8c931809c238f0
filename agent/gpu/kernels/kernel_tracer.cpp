// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/kernels/kernel_tracer.h"

#include <algorithm>
#include <utility>

#include "agent/gpu/kernels/kernel_families.h"

namespace tacit::gpu {
namespace {

constexpr uint64_t kTickNs = 1'000'000'000;
// A scrape a minute still sees how it ended.
constexpr uint64_t kKeepExitedNs = 90'000'000'000;
// Separate busy intervals of all devices of all processes together (16 bytes each), and bounds for one.
constexpr size_t kAllIntervals = 2 << 20;
constexpr size_t kMaxIntervals = 65536, kMinIntervals = 512;

}  // namespace

KernelTracer::KernelTracer(metrics::Labels self, std::string proc_root)
    : self_(std::move(self)), threads_(std::move(proc_root)) {}

size_t KernelTracer::interval_limit() const {
  return std::clamp(kAllIntervals / std::max<size_t>(devices_, 1), kMinIntervals, kMaxIntervals);
}

void KernelTracer::on_batch(const event::GpuBatch& batch, const telemetry::ResourcePtr& resource) {
  const uint32_t pid = batch.raw->header.pid;
  const std::lock_guard lock(mutex_);
  now_ns_ = std::max<uint64_t>(now_ns_, batch.raw->header.time_ns);
  auto found = processes_.find(pid);
  if (found != processes_.end() && found->second.exited_ns != 0) {  // its number is used again
    processes_.erase(found);
    found = processes_.end();
  }
  if (found == processes_.end()) {
    if (processes_.size() >= kMaxProcesses && !make_room()) {
      ++refused_blocks_;
      return;
    }
    found = processes_.try_emplace(pid).first;
  }
  found->second.resource = resource;
  found->second.on_batch(batch, {threads_, windows_, interval_limit()});
}

// The process that ended longest ago goes.
bool KernelTracer::make_room() {
  auto oldest = processes_.end();
  for (auto each = processes_.begin(); each != processes_.end(); ++each)
    if (each->second.exited_ns != 0 &&
        (oldest == processes_.end() || each->second.exited_ns < oldest->second.exited_ns))
      oldest = each;
  if (oldest == processes_.end()) return false;
  processes_.erase(oldest);
  return true;
}

void KernelTracer::exited(uint32_t pid, uint64_t time_ns) {
  windows_.exited(pid);
  threads_.forget(pid);
  const std::lock_guard lock(mutex_);
  const auto found = processes_.find(pid);
  if (found == processes_.end() || found->second.exited_ns != 0) return;
  found->second.finish();
  found->second.exited_ns = std::max<uint64_t>(time_ns, 1);
}

void KernelTracer::tick(uint64_t now_ns) {
  if (now_ns < next_tick_ns_) return;
  next_tick_ns_ = now_ns + kTickNs;
  windows_.sweep(now_ns);
  const std::lock_guard lock(mutex_);
  now_ns_ = std::max(now_ns_, now_ns);
  devices_ = 0;
  for (auto& [pid, process] : processes_) devices_ += process.devices().size();
  for (auto& [pid, process] : processes_) process.tick(now_ns, interval_limit());
  std::erase_if(processes_, [&](const auto& entry) {
    return entry.second.exited_ns != 0 && now_ns >= entry.second.exited_ns + kKeepExitedNs;
  });
}

bool KernelTracer::traces(uint32_t pid) const {
  const std::lock_guard lock(mutex_);
  const auto found = processes_.find(pid);
  return found != processes_.end() && found->second.exited_ns == 0;
}

std::optional<TracedWork> KernelTracer::work(uint32_t pid) const {
  const std::lock_guard lock(mutex_);
  const auto found = processes_.find(pid);
  if (found == processes_.end() || found->second.exited_ns != 0) return std::nullopt;
  return found->second.work();
}

std::vector<prometheus::MetricFamily> KernelTracer::collect() const {
  metrics::FamilySet families;
  const std::lock_guard lock(mutex_);
  for (auto& [pid, process] : processes_) add_kernel_families(families, pid, process, now_ns_);
  families.add_counter("tacit_gpu_refused_blocks_total",
                       "Blocks of processes that were too many to be told apart", self_,
                       static_cast<double>(refused_blocks_));
  return families.take();
}

}  // namespace tacit::gpu
