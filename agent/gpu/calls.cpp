// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/calls.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "agent/gpu/calls_names.h"
#include "agent/gpu/process_series.h"

namespace tacit::gpu {
namespace {

using metrics::FamilySet;
using metrics::Labels;


constexpr std::array<const char*, CUDA_DIRECTION_COUNT> kDirections = {
    "host_to_host",     "host_to_device", "device_to_host",
    "device_to_device", "default",        "peer_to_peer"};
constexpr std::array<const char*, CUDA_MEMORY_COUNT> kMemories = {"device", "managed", "host"};

double as_double(uint64_t value) { return static_cast<double>(value); }

void add_launches(FamilySet& families, const cuda_totals& totals, const Labels& labels) {
  for (const auto& [api, count] :
       {std::pair{"kernel", totals.launches}, std::pair{"graph", totals.graph_launches}})
    families.add_counter("cuda_launches_total", "Kernels and graphs that were launched",
                         with(labels, "api", api), as_double(count));
}

void add_copies(FamilySet& families, const cuda_totals& totals, const Labels& labels) {
  for (size_t i = 0; i < kDirections.size(); ++i) {
    if (totals.copies[i] == 0) continue;
    const Labels all = with(labels, "direction", kDirections[i]);
    families.add_counter("cuda_copies_total", "Copies that were asked for", all,
                         as_double(totals.copies[i]));
    families.add_counter("cuda_copy_bytes_total", "Bytes of copies that were asked for", all,
                         as_double(totals.copied_bytes[i]));
  }
  if (totals.sets == 0) return;
  families.add_counter("cuda_memsets_total", "Memory sets that were asked for", labels,
                       as_double(totals.sets));
  families.add_counter("cuda_memset_bytes_total", "Bytes of memory sets that were asked for", labels,
                       as_double(totals.set_bytes));
}

void add_memory(FamilySet& families, const cuda_totals& totals, const Labels& labels) {
  for (size_t i = 0; i < kMemories.size(); ++i) {
    if (totals.allocations[i] == 0) continue;
    const Labels all = with(labels, "memory", kMemories[i]);
    families.add_counter("cuda_allocations_total", "Allocations that succeeded", all,
                         as_double(totals.allocations[i]));
    families.add_counter("cuda_frees_total", "Allocations that were given back", all,
                         as_double(totals.frees[i]));
    families.add_gauge("cuda_allocated_bytes", "Memory that is allocated now", all,
                       as_double(totals.held_bytes[i]));
    families.add_gauge("cuda_allocated_peak_bytes", "Most memory that was allocated at once", all,
                       as_double(totals.peak_bytes[i]));
  }
  if (totals.unknown_frees != 0)
    families.add_counter("cuda_unknown_frees_total",
                         "Frees of memory whose allocation was not seen", labels,
                         as_double(totals.unknown_frees));
  if (totals.untracked_allocations != 0)
    families.add_counter("cuda_untracked_allocations_total",
                         "Allocations that are not in cuda_allocated_bytes: the table was full",
                         labels, as_double(totals.untracked_allocations));
}

void add_waits(FamilySet& families, const cuda_totals& totals, const Labels& labels) {
  families.add_counter("cuda_sync_waits_total", "Synchronisations that a thread waited for", labels,
                       as_double(totals.waits));
  families.add_counter("cuda_sync_wait_seconds_total", "Time that threads waited in them", labels,
                       seconds(totals.wait_ns));
  if (totals.untimed_waits != 0)
    families.add_counter("cuda_untimed_sync_waits_total",
                         "Synchronisations whose end cannot be seen in this library", labels,
                         as_double(totals.untimed_waits));
}

void add_failures(FamilySet& families, const event::CudaCounts& counts, const Labels& labels) {
  families.add_counter("cuda_out_of_memory_total", "Calls that failed for want of memory", labels,
                       as_double(counts.totals.out_of_memory));
  for (const auto& failure : counts.failures) {
    Labels all = with(labels, "call", std::string(call_name(failure.call)));
    all.push_back({"error_type", error_name(failure.call, failure.code)});
    families.add_counter("cuda_call_errors_total", "Calls with another result than success",
                         std::move(all), as_double(failure.count));
  }
}

void add_collectives(FamilySet& families, const event::CudaCounts& counts, const Labels& labels,
                     uint64_t now_ns) {
  if (counts.collectives.empty()) return;
  std::map<std::pair<std::string, std::string>, cuda_collective_counts> sums;
  std::set<uint64_t> communicators;
  uint64_t last_ns = 0;
  for (const auto& each : counts.collectives) {
    auto& sum = sums[{std::string(call_name(each.call)), communicator_name(each.communicator)}];
    communicators.insert(each.communicator);
    sum.count += each.counts.count;
    sum.bytes += each.counts.bytes;
    last_ns = std::max<uint64_t>(last_ns, each.counts.last_ns);
  }
  for (const auto& [key, sum] : sums) {
    Labels all = with(labels, "operation", key.first);
    all.push_back({"communicator", key.second});
    families.add_counter("nccl_operations_total", "NCCL operations that were enqueued", all,
                         as_double(sum.count));
    families.add_counter("nccl_operation_bytes_total", "Bytes that they name", all,
                         as_double(sum.bytes));
  }
  families.add_gauge("nccl_communicators", "NCCL communicators that were used", labels,
                     as_double(communicators.size()));
  families.add_gauge("nccl_seconds_since_operation", "Since the last one was enqueued", labels,
                     now_ns > last_ns ? seconds(now_ns - last_ns) : 0);
}

}  // namespace

std::string communicator_name(uint64_t number) {
  return number < kMaxCommunicators ? std::to_string(number) : "other";
}

CallMetrics::CallMetrics(Read read, Processes processes, Now now_ns)
    : read_(std::move(read)), processes_(std::move(processes)), now_ns_(std::move(now_ns)) {}

void CallMetrics::add_process(FamilySet& families, const event::CudaCounts& counts,
                              const Labels& labels) const {
  const auto& totals = counts.totals;
  const uint64_t now_ns = now_ns_();
  add_launches(families, totals, labels);
  add_copies(families, totals, labels);
  add_memory(families, totals, labels);
  add_waits(families, totals, labels);
  add_failures(families, counts, labels);
  add_collectives(families, counts, labels, now_ns);
  if (totals.last_launch_ns != 0)
    families.add_gauge("cuda_seconds_since_launch", "Since the last launch of a kernel or graph",
                       labels,
                       now_ns > totals.last_launch_ns ? seconds(now_ns - totals.last_launch_ns) : 0);
}

std::vector<prometheus::MetricFamily> CallMetrics::collect() const {
  FamilySet families;
  const auto processes = processes_();
  auto counts = read_();
  std::sort(counts.begin(), counts.end(),
            [](const auto& a, const auto& b) { return a.pid < b.pid; });
  for (const auto& each : counts) {
    const auto process =
        std::find_if(processes->begin(), processes->end(),
                     [&](const auto& observed) { return observed.pid == each.pid; });
    if (process == processes->end()) continue;
    add_process(families, each, process_labels(each.pid, *process->resource));
  }
  return families.take();
}

}  // namespace tacit::gpu
