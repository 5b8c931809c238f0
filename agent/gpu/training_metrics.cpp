// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/training_metrics.h"

#include <algorithm>
#include <utility>

#include "agent/base/valid_text.h"
#include "agent/gpu/process_series.h"
#include "agent/metrics/family_set.h"
#include "agent/metrics/target_table.h"

namespace tacit::gpu {
namespace {

uint64_t more(uint64_t now, uint64_t& counted) { return now - std::exchange(counted, now); }

}  // namespace

TrainingMetrics::Process* TrainingMetrics::process(uint32_t pid,
                                                   const telemetry::Resource& resource) {
  const auto found = processes_.find(pid);
  std::string instance = valid_utf8(resource.instance);
  if (found != processes_.end() && found->second.instance == instance) return &found->second;
  if (found == processes_.end() && processes_.size() >= kMaxProcesses) {
    ++refused_;
    return nullptr;
  }
  Process& made = processes_[pid];
  made.job = metrics::job_label(resource);
  made.instance = std::move(instance);
  std::erase_if(over_, [pid](const auto& each) { return each.first == pid; });
  return &made;
}

void TrainingMetrics::step(uint64_t id, uint32_t pid, const telemetry::Resource& resource,
                           const FinishedStep& step, const TrainingLoop& loop,
                           int64_t wall_offset_ns) {
  const std::lock_guard lock(mutex_);
  Process* known = process(pid, resource);
  if (known == nullptr) return;
  ++known->steps[step.optimizer];
  known->last_step_unix_s =
      static_cast<double>(static_cast<int64_t>(step.end_ns) + wall_offset_ns) / 1e9;
  if (step.begin_ns) {
    const double duration = seconds(step.end_ns - *step.begin_ns);
    const auto bucket = std::lower_bound(kBounds.begin(), kBounds.end(), duration);
    ++known->buckets[static_cast<size_t>(bucket - kBounds.begin())];
    known->duration_sum_s += duration;
    ++known->timed_steps;
  }
  add_progress(*known, id, loop);
}

void TrainingMetrics::progress(uint64_t id, uint32_t pid, const telemetry::Resource& resource,
                               const TrainingLoop& loop) {
  const std::lock_guard lock(mutex_);
  if (Process* known = process(pid, resource)) add_progress(*known, id, loop);
}

void TrainingMetrics::add_progress(Process& process, uint64_t id, const TrainingLoop& loop) {
  Counted& counted = runs_[id];
  process.backward_passes += more(loop.backward_passes(), counted.backward_passes);
  process.loader_calls += more(loop.loader_calls(), counted.loader_calls);
  const LoopTimes& times = loop.times();
  process.times.data_wait_ns += more(times.data_wait_ns, counted.times.data_wait_ns);
  process.times.forward_ns += more(times.forward_ns, counted.times.forward_ns);
  process.times.backward_ns += more(times.backward_ns, counted.times.backward_ns);
  process.times.optimizer_ns += more(times.optimizer_ns, counted.times.optimizer_ns);
  process.times.closure_ns += more(times.closure_ns, counted.times.closure_ns);
}

void TrainingMetrics::checkpoint(uint32_t pid, const telemetry::Resource& resource, bool save) {
  const std::lock_guard lock(mutex_);
  if (Process* known = process(pid, resource)) ++(save ? known->saves : known->loads);
}

void TrainingMetrics::probed_late(uint32_t pid, const telemetry::Resource& resource,
                                  uint64_t age_ns) {
  const std::lock_guard lock(mutex_);
  if (Process* known = process(pid, resource)) known->unseen_ns = age_ns;
}

void TrainingMetrics::run_over(uint64_t id) {
  const std::lock_guard lock(mutex_);
  runs_.erase(id);
}

void TrainingMetrics::process_over(uint32_t pid, uint64_t now_ns) {
  const std::lock_guard lock(mutex_);
  if (processes_.contains(pid)) over_.emplace_back(pid, now_ns);
}

void TrainingMetrics::expire(uint64_t now_ns) {
  const std::lock_guard lock(mutex_);
  while (!over_.empty() && now_ns > over_.front().second + kKeptNs) {
    processes_.erase(over_.front().first);
    over_.pop_front();
  }
}

std::vector<prometheus::MetricFamily> TrainingMetrics::collect() const {
  metrics::FamilySet families;
  prometheus::MetricFamily durations;
  durations.name = "training_step_duration_seconds";
  durations.help = "Time of a training step, from the request for its data to the optimizer's end";
  durations.type = prometheus::MetricType::Histogram;
  const std::lock_guard lock(mutex_);
  for (const auto& [pid, process] : processes_) {
    const metrics::Labels labels = process_labels(pid, process.job, process.instance);
    for (const auto& [optimizer, steps] : process.steps)
      families.add_counter("training_steps_total", "Calls of Optimizer.step",
                           with(labels, "optimizer", optimizer), static_cast<double>(steps));
    const std::pair<const char*, uint64_t> parts[] = {{"data_wait", process.times.data_wait_ns},
                                                      {"forward", process.times.forward_ns},
                                                      {"backward", process.times.backward_ns},
                                                      {"optimizer", process.times.optimizer_ns},
                                                      {"closure", process.times.closure_ns}};
    for (const auto& [part, ns] : parts)
      families.add_counter("training_time_seconds_total",
                           "Time of training loops by what they did", with(labels, "part", part),
                           seconds(ns));
    families.add_counter("training_backward_passes_total", "Backward passes", labels,
                         static_cast<double>(process.backward_passes));
    families.add_counter("training_loader_calls_total",
                         "Batches asked for, and one more at the end of each epoch", labels,
                         static_cast<double>(process.loader_calls));
    families.add_counter("training_checkpoints_total", "Checkpoints written and read",
                         with(labels, "operation", "save"), static_cast<double>(process.saves));
    families.add_counter("training_checkpoints_total", "Checkpoints written and read",
                         with(labels, "operation", "load"), static_cast<double>(process.loads));
    if (process.last_step_unix_s > 0)
      families.add_gauge("training_last_step_timestamp_seconds", "End of the newest step, Unix time",
                         labels, process.last_step_unix_s);
    if (process.unseen_ns > 0)
      families.add_gauge("training_unseen_seconds",
                         "How long the process had run when its probes were in place: what it "
                         "trained before is not counted",
                         labels, seconds(process.unseen_ns));
    auto& metric = durations.metric.emplace_back();
    metric.label = labels;
    metric.histogram.sample_count = process.timed_steps;
    metric.histogram.sample_sum = process.duration_sum_s;
    uint64_t below = 0;
    for (size_t i = 0; i < kBounds.size(); ++i)
      metric.histogram.bucket.push_back({below += process.buckets[i], kBounds[i]});
  }
  auto out = families.take();
  if (!durations.metric.empty()) out.push_back(std::move(durations));
  return out;
}

}  // namespace tacit::gpu
