// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/device/process_reader.h"

#include <algorithm>

namespace tacit::gpu {
namespace {

// Asks again with more room as long as that is what is missing: processes start meanwhile.
template <typename T, typename Ask>
nvml::Return ask_for_list(std::vector<T>& room, unsigned& count, const Ask& ask) {
  nvml::Return result = nvml::kInsufficientSize;
  for (int attempt = 0; attempt < 4 && result == nvml::kInsufficientSize; ++attempt) {
    if (attempt > 0) {
      if (room.size() >= ProcessReader::kMaxProcesses) break;
      room.resize(
          std::clamp<size_t>(size_t{count} + 16, room.size() * 2, ProcessReader::kMaxProcesses));
    }
    count = static_cast<unsigned>(room.size());
    result = ask(&count, room.data());
  }
  count = result == nvml::kSuccess ? std::min(count, static_cast<unsigned>(room.size())) : 0;
  return result;
}

bool plausible(const nvml::ProcessUtilization& sample) {
  return sample.pid != 0 && sample.time_us != 0 && sample.sm <= 100 && sample.memory <= 100 &&
         sample.encoder <= 100 && sample.decoder <= 100;
}

}  // namespace

std::vector<ProcessFigures> ProcessReader::read(FigureSupport& support, bool& known,
                                                uint64_t now_ns) {
  ByPid processes;
  known = add_running(support, Figure::kComputeProcesses, library_.compute_processes, processes);
  known |= add_running(support, Figure::kGraphicsProcesses, library_.graphics_processes, processes);
  add_utilization(support, processes, now_ns);
  std::vector<ProcessFigures> list;
  list.reserve(processes.size());
  for (const auto& [pid, figures] : processes) list.push_back(figures);
  return list;
}

bool ProcessReader::add_running(FigureSupport& support, Figure figure, const ListCall& call,
                                ByPid& into) {
  if (!support.wanted(figure)) return false;
  unsigned count = 0;
  const nvml::Return result = ask_for_list(
      running_, count,
      [&](unsigned* room, nvml::ProcessInfo* infos) { return call(device_, room, infos); });
  if (!support.take(figure, result)) return false;
  // A process has a row for each of its MIG instances; one that computes and draws is in both lists
  // with the same memory.
  ByPid found;
  for (unsigned i = 0; i < count; ++i) {
    const nvml::ProcessInfo& info = running_[i];
    if (info.pid == 0) continue;
    ProcessFigures& process = found[info.pid];
    if (info.memory_bytes != nvml::kMemoryNotAvailable)
      process.memory_bytes = process.memory_bytes.value_or(0) + info.memory_bytes;
  }
  for (const auto& [pid, from] : found) {
    if (into.size() >= kMaxProcesses && !into.contains(pid)) continue;
    ProcessFigures& process = into[pid];
    process.pid = pid;
    process.memory_bytes = std::max(process.memory_bytes, from.memory_bytes);
  }
  return true;
}

void ProcessReader::add_utilization(FigureSupport& support, ByPid& into, uint64_t now_ns) {
  if (!support.wanted(Figure::kProcessUtilization)) return;
  unsigned count = 0;
  const nvml::Return result =
      ask_for_list(samples_, count, [&](unsigned* room, nvml::ProcessUtilization* samples) {
        return library_.process_utilization(device_, samples, room, last_seen_us_);
      });
  // Not found: no process did anything since the last look.
  if (result != nvml::kNotFound && !support.take(Figure::kProcessUtilization, result)) return;
  for (auto& [pid, process] : into)
    process.sm = process.memory = process.encoder = process.decoder = 0;
  std::map<uint32_t, unsigned long long> newest;
  std::set<uint32_t> active;  // also those whose newest sample is 0
  for (unsigned i = 0; i < count; ++i) {
    const nvml::ProcessUtilization& sample = samples_[i];
    if (!plausible(sample)) continue;
    last_seen_us_ = std::max(last_seen_us_, sample.time_us);
    if ((sample.sm | sample.memory | sample.encoder | sample.decoder) != 0)
      active.insert(sample.pid);
    unsigned long long& time = newest[sample.pid];
    if (sample.time_us < time) continue;
    if (into.size() >= kMaxProcesses && !into.contains(sample.pid)) continue;
    time = sample.time_us;
    ProcessFigures& process = into[sample.pid];
    process.pid = sample.pid;
    process.sm = sample.sm / 100.0;
    process.memory = sample.memory / 100.0;
    process.encoder = sample.encoder / 100.0;
    process.decoder = sample.decoder / 100.0;
  }
  note_activity(into, active, now_ns);
}

void ProcessReader::note_activity(ByPid& into, const std::set<uint32_t>& active, uint64_t now_ns) {
  std::map<uint32_t, Activity> now;
  for (auto& [pid, process] : into) {
    const auto before = activity_.find(pid);
    Activity& activity = now[pid];
    if (before != activity_.end()) activity = before->second;
    else activity.since_ns = now_ns;
    if (active.contains(pid)) activity.last_ns = now_ns;
    process.last_active_ns = activity.last_ns;
    process.looked_since_ns = activity.since_ns;
  }
  activity_ = std::move(now);
}

}  // namespace tacit::gpu
