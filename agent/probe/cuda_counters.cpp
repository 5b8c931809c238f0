// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/cuda_counters.h"

#include <bpf/bpf.h>

namespace tacit::probe {
namespace {

constexpr size_t kMaxKeys = 2 * 65536;  // twice the largest table

template <typename Key>
std::vector<Key> keys_of(int map) {
  std::vector<Key> keys;
  Key key{}, next{};
  // Where the last key was removed meanwhile the walk begins anew: some may come twice, but not for ever.
  for (bool first = true; keys.size() < kMaxKeys &&
                          bpf_map_get_next_key(map, first ? nullptr : &key, &next) == 0;
       first = false) {
    keys.push_back(next);
    key = next;
  }
  return keys;
}

template <typename Key>
void remove_of(int map, uint32_t pid) {
  for (const Key& key : keys_of<Key>(map))
    if (key.pid == pid) bpf_map_delete_elem(map, &key);
}

cuda_call call_of(uint32_t number) {
  return number < CUDA_CALL_COUNT ? static_cast<cuda_call>(number) : CUDA_CALL_NONE;
}

}  // namespace

std::vector<event::CudaCounts> CudaCounters::read() const {
  std::vector<event::CudaCounts> all;
  for (const uint32_t pid : keys_of<uint32_t>(maps_.totals))
    if (auto counts = read(pid)) all.push_back(std::move(*counts));
  return all;
}

std::optional<event::CudaCounts> CudaCounters::read(uint32_t pid) const {
  event::CudaCounts counts{.pid = pid, .totals = {}, .failures = {}, .collectives = {}};
  if (bpf_map_lookup_elem(maps_.totals, &pid, &counts.totals) != 0) return std::nullopt;
  if (counts.totals.failures != 0) counts.failures = failures(pid);
  counts.collectives = collectives(pid);
  return counts;
}

std::vector<event::CudaFailureCount> CudaCounters::failures(uint32_t pid) const {
  std::vector<event::CudaFailureCount> found;
  for (const auto& key : keys_of<cuda_failure_key>(maps_.failures)) {
    uint64_t count = 0;
    if (key.pid == pid && bpf_map_lookup_elem(maps_.failures, &key, &count) == 0)
      found.push_back({call_of(key.call), key.code, count});
  }
  return found;
}

std::vector<event::CudaCollectives> CudaCounters::collectives(uint32_t pid) const {
  std::vector<event::CudaCollectives> found;
  for (const auto& key : keys_of<cuda_collective_key>(maps_.collectives)) {
    cuda_collective_counts counts{};
    if (key.pid == pid && bpf_map_lookup_elem(maps_.collectives, &key, &counts) == 0)
      found.push_back({call_of(key.call), key.communicator, counts});
  }
  return found;
}

std::vector<event::CudaCommunicator> CudaCounters::communicators() const {
  std::vector<event::CudaCommunicator> found;
  event::CudaCommunicator each;
  for (const auto& key : keys_of<cuda_communicator_key>(maps_.communicators)) {
    if (bpf_map_lookup_elem(maps_.communicators, &key, &each.state) != 0) continue;
    if (each.state.created_ns == 0 || each.state.group == 0) continue;
    if (each.state.ended != 0) bpf_map_delete_elem(maps_.communicators, &key);
    each.pid = key.pid;
    found.push_back(each);
  }
  return found;
}

void CudaCounters::watch(uint32_t pid, uint64_t now_ns) {
  const std::lock_guard lock(mutex_);
  watched_since_ns_.try_emplace(pid, now_ns);
}

std::vector<event::CudaWatch> CudaCounters::watched() const {
  std::vector<event::CudaWatch> all;
  const std::lock_guard lock(mutex_);
  for (const auto& [pid, since_ns] : watched_since_ns_) {
    cuda_totals totals{};
    const bool called = bpf_map_lookup_elem(maps_.totals, &pid, &totals) == 0;
    all.push_back({pid, since_ns, called ? std::optional(totals) : std::nullopt});
  }
  return all;
}

void CudaCounters::forget(uint32_t pid) {
  {
    const std::lock_guard lock(mutex_);
    watched_since_ns_.erase(pid);
  }
  cuda_totals totals{};
  if (bpf_map_lookup_elem(maps_.totals, &pid, &totals) != 0) return;
  bpf_map_delete_elem(maps_.totals, &pid);
  remove_of<cuda_failure_key>(maps_.failures, pid);
  remove_of<cuda_collective_key>(maps_.collectives, pid);
  remove_of<cuda_communicator_key>(maps_.communicators, pid);
  // A long walk, so only where there is something: frees in flight put back what failed.
  if (totals.held_allocations != 0) remove_of<cuda_allocation_key>(maps_.allocations, pid);
}

}  // namespace tacit::probe
