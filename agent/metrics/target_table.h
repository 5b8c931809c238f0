// SPDX-License-Identifier: Apache-2.0
// The (job, instance) pairs that series belong to. Many resources may share one pair: short-lived
// processes of one service do.
#pragma once
#include <prometheus/metric_family.h>

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "agent/base/hash.h"
#include "agent/metrics/family_set.h"
#include "agent/telemetry/resource.h"

namespace tacit::metrics {

// find() on the loop thread, collect() on any. Bounded: at most `limit` targets.
class TargetTable {
 public:
  static constexpr uint32_t kSelf = 0;            // the agent
  static constexpr uint32_t kNone = UINT32_MAX;  // no room

  TargetTable(const telemetry::Resource& self, size_t limit);

  // The number of the resource's target; 0 to limit - 1, or kNone. No allocation for a resource
  // seen before (the last 8,192 are remembered).
  uint32_t find(const telemetry::Resource& resource);

  // Loop thread; valid as long as the table. `target` must come from find().
  const std::string& job(uint32_t target) const { return targets_[target].job; }
  const std::string& instance(uint32_t target) const { return targets_[target].instance; }

  // job and instance of the agent.
  Labels self_labels() const { return {{"job", job(kSelf)}, {"instance", instance(kSelf)}}; }

  // target_info: one series a target with the resource's other attributes as labels (of the first
  // resource seen), as OpenTelemetry's Prometheus compatibility has it.
  prometheus::MetricFamily collect() const;

 private:
  struct Target {
    std::string job;
    std::string instance;
    prometheus::ClientMetric info;
  };

  uint32_t insert(const telemetry::Resource& resource);

  const size_t limit_;
  uint64_t last_id_ = 0;
  uint32_t last_target_ = kNone;
  std::unordered_map<uint64_t, uint32_t> by_resource_;
  StringMap<uint32_t> by_name_;  // job, a zero byte, instance
  mutable std::mutex mutex_;     // growth of targets_ against collect()
  std::deque<Target> targets_;   // stable addresses
};

// "namespace/name" or the name alone.
std::string job_label(const telemetry::Resource& resource);

// An attribute key as a label name: every other character becomes one '_' a run.
std::string label_name(std::string_view key);

}  // namespace tacit::metrics
