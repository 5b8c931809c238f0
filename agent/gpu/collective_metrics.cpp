// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/collective_metrics.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "agent/gpu/calls.h"
#include "agent/gpu/process_series.h"

namespace tacit::gpu {
namespace {

using metrics::FamilySet;
using metrics::Labels;

double as_double(uint64_t value) { return static_cast<double>(value); }

void add_ranks(FamilySet& families, const RankFigures& figures, const Labels& labels) {
  if (figures.number >= kMaxCommunicators) return;  // one value for all of them says nothing
  if (figures.ranks != 0) {
    Labels all = labels;
    if (figures.rank >= 0) all.push_back({"rank", std::to_string(figures.rank)});
    families.add_gauge("nccl_communicator_ranks", "Ranks of the communicator", std::move(all),
                       figures.ranks);
  }
  families.add_gauge("nccl_communicator_observed_ranks", "Of these, those observed on this host",
                     labels, figures.observed_ranks);
}

void add_lag(FamilySet& families, const RankFigures& figures, const Labels& labels,
             uint64_t now_ns) {
  if (figures.behind)
    families.add_gauge("nccl_operations_behind",
                       "Collective operations that the foremost observed rank has enqueued and this one "
                       "has not",
                       labels, as_double(*figures.behind));
  if (figures.behind == uint64_t{0} || figures.behind_since_ns) {
    const uint64_t since_ns = figures.behind_since_ns.value_or(now_ns);
    families.add_gauge("nccl_lag_seconds", "Since that rank enqueued the first of them", labels,
                       seconds(now_ns > since_ns ? now_ns - since_ns : 0));
  }
  if (!figures.behind && figures.compared == 0 && figures.unmatched == 0) return;
  families.add_counter("nccl_late_seconds_total",
                       "Time by which the rank enqueued operations after the first rank", labels,
                       seconds(figures.late_ns));
  families.add_counter("nccl_stall_seconds_total",
                       "Time from the rank's enqueue of operations to the last rank's", labels,
                       seconds(figures.stall_ns));
  families.add_counter("nccl_compared_operations_total", "Operations in these two", labels,
                       as_double(figures.compared));
  families.add_counter("nccl_unmatched_operations_total",
                       "Operations that are not in them: a rank's time was overwritten before it was "
                       "read",
                       labels, as_double(figures.unmatched));
}

// Those beyond kMaxCommunicators are one: the worst that lags, and the sums.
void join(RankFigures& into, const RankFigures& more) {
  into.compared += more.compared;
  into.late_ns += more.late_ns;
  into.stall_ns += more.stall_ns;
  into.unmatched += more.unmatched;
  into.behind = std::max(into.behind, more.behind);
  if (more.behind_since_ns)
    into.behind_since_ns =
        std::min(into.behind_since_ns.value_or(UINT64_MAX), *more.behind_since_ns);
}

}  // namespace

CollectiveMetrics::CollectiveMetrics(Read read, Processes processes, Now now_ns)
    : read_(std::move(read)), processes_(std::move(processes)), now_ns_(std::move(now_ns)) {}

void CollectiveMetrics::update() const {
  const auto communicators = read_();
  groups_.update(communicators, now_ns_());
}

unsigned CollectiveMetrics::tick() {
  const std::lock_guard lock(mutex_);
  update();
  return groups_.empty() ? kIdlePeriodMs : kPeriodMs;
}

std::vector<prometheus::MetricFamily> CollectiveMetrics::collect() const {
  std::vector<RankFigures> all;
  {
    const std::lock_guard lock(mutex_);
    update();
    all = groups_.figures();
  }
  // By pid and number, so those beyond come last of each process.
  std::vector<RankFigures> shown;
  for (const auto& figures : all) {
    const bool beyond = figures.number >= kMaxCommunicators;
    if (beyond && !shown.empty() && shown.back().pid == figures.pid &&
        shown.back().number >= kMaxCommunicators)
      join(shown.back(), figures);
    else
      shown.push_back(figures);
  }
  std::unordered_map<uint32_t, const telemetry::Resource*> resources;
  const auto processes = processes_();
  for (const auto& process : *processes) resources.emplace(process.pid, process.resource.get());
  FamilySet families;
  const uint64_t now_ns = now_ns_();
  for (const auto& figures : shown) {
    const auto resource = resources.find(figures.pid);
    if (resource == resources.end()) continue;
    const Labels labels = with(process_labels(figures.pid, *resource->second), "communicator",
                               communicator_name(figures.number));
    add_ranks(families, figures, labels);
    add_lag(families, figures, labels, now_ns);
  }
  return families.take();
}

}  // namespace tacit::gpu
