// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/kernels/kernel_windows.h"

#include <algorithm>
#include <numeric>

namespace tacit::gpu {
namespace {

constexpr size_t kMaxWindows = 8192;
constexpr size_t kMaxProcesses = 4096;
// Windows that were open at one moment and are looked at; more cannot be told apart anyway.
constexpr size_t kMaxCandidates = 256;
// Separate kernel intervals that a window keeps; records come nearly in order.
constexpr size_t kIntervals = 512;
// A block handed over that long after a window's end carries the last of its work: CUPTI's buffers are
// flushed once a second.
constexpr uint64_t kFlushNs = 1'500'000'000;
constexpr uint64_t kPatienceNs = 3'000'000'000;
constexpr uint64_t kForgetNs = 60'000'000'000;  // closed and not taken

// Windows that one thread opens inside one another.
bool nests(WindowKind kind) { return kind != WindowKind::kRequest; }

}  // namespace

uint64_t WindowSums::kernel_ns() const {
  return std::accumulate(class_ns.begin(), class_ns.end(), uint64_t{0});
}

uint64_t WindowSums::copied_bytes() const {
  uint64_t sum = 0;
  for (const auto& copy : copies) sum += copy.bytes;
  return sum;
}

WindowId KernelWindows::open(const WindowBegin& begin) {
  if (by_id_.size() >= kMaxWindows ||
      (processes_.size() >= kMaxProcesses && !processes_.contains(begin.pid))) {
    ++refused_;
    return kNoWindow;
  }
  auto made = std::make_unique<Window>();
  made->id = ++last_id_;
  made->begin = begin;
  made->busy = IntervalUnion(kIntervals);
  Process& process = processes_[begin.pid];
  process.ended = false;
  List& list = process.lists[static_cast<size_t>(begin.kind)];
  const auto place = std::upper_bound(
      list.begin(), list.end(), begin.begin_ns,
      [](uint64_t time, const Window* each) { return time < each->begin.begin_ns; });
  const auto index = static_cast<size_t>(place - list.begin());
  list.insert(place, made.get());
  refresh_ends(list, index);
  const WindowId id = made->id;
  by_id_.emplace(id, std::move(made));
  return id;
}

void KernelWindows::refresh_ends(List& list, size_t from) {
  uint64_t latest = from == 0 ? 0 : list[from - 1]->latest_end_ns;
  for (size_t i = from; i < list.size(); ++i) {
    latest = std::max(latest, list[i]->end_ns);
    if (i > from && list[i]->latest_end_ns == latest) return;  // nothing changes behind it
    list[i]->latest_end_ns = latest;
  }
}

KernelWindows::List& KernelWindows::list_of(const Window& window) {
  return processes_[window.begin.pid].lists[static_cast<size_t>(window.begin.kind)];
}

void KernelWindows::close(WindowId id, uint64_t end_ns) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  Window& window = *found->second;
  window.end_ns = std::max(end_ns, window.begin.begin_ns);
  List& list = list_of(window);
  const auto place = std::find(list.rbegin(), list.rend(), &window);
  refresh_ends(list, static_cast<size_t>(list.rend() - place) - 1);
}

bool KernelWindows::settled(WindowId id, uint64_t now_ns) const {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return true;
  const Window& window = *found->second;
  if (window.end_ns == UINT64_MAX) return false;
  const auto process = processes_.find(window.begin.pid);
  if (process == processes_.end() || process->second.ended ||
      process->second.handed_over_ns == 0)
    return true;
  return process->second.handed_over_ns >= window.end_ns + kFlushNs ||
         now_ns >= window.end_ns + kPatienceNs;
}

std::optional<WindowSums> KernelWindows::look(WindowId id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return std::nullopt;
  found->second->sums.busy_ns = found->second->busy.covered_ns();
  return found->second->sums;
}

std::optional<WindowSums> KernelWindows::take(WindowId id) {
  auto sums = look(id);
  if (sums) remove(id);
  return sums;
}

void KernelWindows::remove(WindowId id) {
  const auto found = by_id_.find(id);
  List& list = list_of(*found->second);
  const auto place = std::find(list.begin(), list.end(), found->second.get());
  const auto index = static_cast<size_t>(place - list.begin());
  list.erase(place);
  refresh_ends(list, index);
  by_id_.erase(found);
}

KernelWindows::Choice KernelWindows::choose(const List& list, WindowKind kind,
                                            const LaunchedWork& work, uint64_t launch_ns) {
  candidates_.clear();
  auto after = std::upper_bound(
      list.begin(), list.end(), launch_ns,
      [](uint64_t time, const Window* each) { return time < each->begin.begin_ns; });
  // Newest first; no earlier one reaches so far once latest_end_ns does not.
  for (auto each = after; each != list.begin() && candidates_.size() < kMaxCandidates;) {
    --each;
    if ((*each)->latest_end_ns < launch_ns) break;
    if ((*each)->end_ns >= launch_ns) candidates_.push_back(*each);
  }
  if (candidates_.empty()) return {};
  Window* own = nullptr;
  size_t own_count = 0;
  bool one_thread = true;
  for (Window* each : candidates_) {
    one_thread &= each->begin.tid == candidates_.front()->begin.tid;
    if (work.tid == 0 || each->begin.tid != work.tid) continue;
    ++own_count;
    if (own == nullptr) own = each;
  }
  if (own_count == 1 || (own_count > 1 && nests(kind))) return {own, LinkRule::kThread};
  if (own_count == 0 && (candidates_.size() == 1 || (one_thread && nests(kind))))
    return {candidates_.front(), LinkRule::kProcess};
  return {};
}

LinkRule KernelWindows::link(uint32_t pid, const LaunchedWork& work) {
  const auto found = processes_.find(pid);
  if (found == processes_.end()) return LinkRule::kNone;
  const uint64_t launch_ns = work.launch_ns != 0 ? work.launch_ns : work.start_ns;
  LinkRule best = LinkRule::kNone;
  for (size_t kind = 0; kind < kWindowKinds; ++kind) {
    const List& list = found->second.lists[kind];
    if (list.empty()) continue;
    const Choice choice = choose(list, static_cast<WindowKind>(kind), work, launch_ns);
    if (choice.window != nullptr)
      add(*choice.window, choice.rule, work);
    else if (work.kind == WorkKind::kKernel)
      for (Window* each : candidates_) each->sums.unlinked_ns += work.end_ns - work.start_ns;
    best = std::min(best, choice.rule);
  }
  return best;
}

void KernelWindows::add(Window& window, LinkRule rule, const LaunchedWork& work) {
  const uint64_t time_ns = work.end_ns - work.start_ns;
  WindowSums& sums = window.sums;
  if (work.kind == WorkKind::kSync) {
    sums.sync_wait_ns += time_ns;
    return;
  }
  if (sums.first_start_ns == 0 || work.start_ns < sums.first_start_ns)
    sums.first_start_ns = work.start_ns;
  sums.last_end_ns = std::max(sums.last_end_ns, work.end_ns);
  if (work.kind == WorkKind::kCopy) {
    sums.copies[static_cast<size_t>(work.direction)].add(work.bytes, time_ns);
    return;
  }
  sums.class_ns[static_cast<size_t>(work.kernel_class)] += time_ns;
  ++sums.kernels;
  sums.launches += work.is_launch;
  sums.linked_ns[static_cast<size_t>(rule)] += time_ns;
  window.busy.add(work.start_ns, work.end_ns);
}

void KernelWindows::handed_over(uint32_t pid, uint64_t time_ns) {
  const auto found = processes_.find(pid);
  if (found == processes_.end() && processes_.size() >= kMaxProcesses) return;
  Process& process = found != processes_.end() ? found->second : processes_[pid];
  process.handed_over_ns = std::max(process.handed_over_ns, time_ns);
}

void KernelWindows::exited(uint32_t pid) {
  const auto found = processes_.find(pid);
  if (found != processes_.end()) found->second.ended = true;
}

void KernelWindows::sweep(uint64_t now_ns) {
  std::vector<WindowId> old;
  for (const auto& [id, window] : by_id_)
    if (window->end_ns != UINT64_MAX && now_ns >= window->end_ns + kForgetNs) old.push_back(id);
  for (const WindowId id : old) remove(id);
  std::erase_if(processes_, [](const auto& entry) {
    return entry.second.ended && std::all_of(entry.second.lists.begin(), entry.second.lists.end(),
                                             [](const List& list) { return list.empty(); });
  });
}

}  // namespace tacit::gpu
