// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/idle_allocation.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "agent/gpu/device/device_metrics.h"
#include "agent/gpu/process_series.h"

namespace tacit::gpu {
namespace {

// What the driver tells of one process on all its devices.
struct DriverView {
  uint64_t memory_bytes = 0;
  bool memory_known = true;
  SeenActivity activity;
  bool activity_known = true;  // by each of the devices

  void add(const ProcessFigures& figures) {
    memory_bytes += figures.memory_bytes.value_or(0);
    memory_known &= figures.memory_bytes.has_value();
    activity.last_ns = std::max(activity.last_ns, figures.last_active_ns);
    activity.since_ns = std::max(activity.since_ns, figures.looked_since_ns);
    activity_known &= figures.looked_since_ns != 0;
  }
};

using DriverViews = std::unordered_map<uint32_t, DriverView>;

DriverViews driver_views(const SnapshotPtr& snapshot, uint64_t now_ns) {
  DriverViews views;
  if (!snapshot || now_ns > snapshot->taken_ns + DeviceMetrics::kMostAgeNs) return views;
  for (const DeviceFigures& device : snapshot->devices)
    for (const ProcessFigures& figures : device.processes) views[figures.pid].add(figures);
  for (auto& [pid, view] : views)
    if (!view.activity_known) view.activity.since_ns = 0;
  return views;
}

struct Use {
  std::optional<uint64_t> held_bytes;
  std::array<SeenActivity, 3> tiers;
};

void add_calls(Use& use, const event::CudaWatch& watch) {
  SeenActivity& seen = use.tiers[1];
  seen.since_ns = watch.since_ns;
  if (!watch.totals) return;
  const cuda_totals& totals = *watch.totals;
  seen.last_ns = std::max(totals.last_launch_ns, totals.last_move_ns);
  if (!use.held_bytes && totals.allocations[CUDA_MEMORY_DEVICE] != 0)
    use.held_bytes = totals.held_bytes[CUDA_MEMORY_DEVICE];
}

}  // namespace

std::optional<uint64_t> idle_since_ns(std::span<const SeenActivity> tiers) {
  uint64_t last_ns = 0;
  std::optional<uint64_t> since_ns;  // the longest time that one tier vouches for
  for (const SeenActivity& tier : tiers) {
    last_ns = std::max(last_ns, tier.last_ns);
    if (tier.since_ns == 0) continue;
    const uint64_t nothing_since_ns = std::max(tier.since_ns, tier.last_ns);
    since_ns = std::min(since_ns.value_or(nothing_since_ns), nothing_since_ns);
  }
  if (!since_ns) return std::nullopt;
  return std::max(*since_ns, last_ns);
}

IdleAllocation::IdleAllocation(Tiers tiers, uint64_t idle_after_ns)
    : tiers_(std::move(tiers)), idle_after_ns_(idle_after_ns) {}

std::vector<prometheus::MetricFamily> IdleAllocation::collect() const {
  metrics::FamilySet families;
  const auto views = driver_views(tiers_.devices(), tiers_.now_ns());
  std::unordered_map<uint32_t, event::CudaWatch> watches;
  for (const auto& watch : tiers_.calls()) watches.emplace(watch.pid, watch);
  const uint64_t now_ns = tiers_.now_ns();
  for (const auto& process : *tiers_.observed()) {
    Use use;
    if (const auto view = views.find(process.pid); view != views.end()) {
      if (view->second.memory_known) use.held_bytes = view->second.memory_bytes;
      use.tiers[0] = view->second.activity;
    }
    if (const auto watch = watches.find(process.pid); watch != watches.end())
      add_calls(use, watch->second);
    if (const auto work = tiers_.kernels(process.pid))
      use.tiers[2] = {work->last_ns, work->looks_since_ns};
    const auto since_ns = idle_since_ns(use.tiers);
    // A process that merely could use a device does not idle there.
    const bool uses = use.held_bytes.value_or(0) != 0 ||
                      std::any_of(use.tiers.begin(), use.tiers.end(),
                                  [](const SeenActivity& tier) { return tier.last_ns != 0; });
    if (!since_ns || !uses) continue;
    const uint64_t idle_ns = now_ns > *since_ns ? now_ns - *since_ns : 0;
    const auto labels = process_labels(process.pid, *process.resource);
    families.add_gauge("gpu_idle_seconds", "Since the process last ran something on a device",
                       labels, seconds(idle_ns));
    if (use.held_bytes)
      families.add_gauge("gpu_idle_allocated_bytes",
                         "Device memory of a process that has run nothing for a minute or longer",
                         labels, idle_ns >= idle_after_ns_ ? static_cast<double>(*use.held_bytes) : 0);
  }
  return families.take();
}

}  // namespace tacit::gpu
