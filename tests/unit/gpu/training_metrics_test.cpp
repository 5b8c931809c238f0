// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/training_metrics.h"

#include <gtest/gtest.h>

namespace tacit::gpu {
namespace {

constexpr uint64_t kMs = 1'000'000;

class TrainingMetricsTest : public testing::Test {
 protected:
  TrainingMetricsTest() {
    resource.service_name = "train";
    resource.instance = "host";
  }
  void iteration(uint64_t id, uint32_t pid, uint64_t ms) {
    loop.mark(TRAINING_DATA_BEGIN, "", true, ms * kMs);
    loop.mark(TRAINING_DATA_END, "", true, (ms + 2) * kMs);
    loop.mark(TRAINING_BACKWARD, "", true, (ms + 5) * kMs);
    loop.mark(TRAINING_STEP_BEGIN, "Adam.step", true, (ms + 7) * kMs);
    const auto step = loop.mark(TRAINING_STEP_END, "", true, (ms + 8) * kMs);
    metrics.step(id, pid, resource, *step, loop, 1'000'000'000);
  }
  double value(const std::string& name, const std::string& label = {}) const {
    for (const auto& family : metrics.collect())
      if (family.name == name)
        for (const auto& metric : family.metric)
          if (label.empty() || metric.label.back().value == label)
            return family.type == prometheus::MetricType::Gauge ? metric.gauge.value
                                                                 : metric.counter.value;
    return -1;
  }

  telemetry::Resource resource;
  TrainingLoop loop;
  TrainingMetrics metrics;
};

TEST_F(TrainingMetricsTest, OfSteps) {
  iteration(1, 10, 100);
  iteration(1, 10, 120);
  EXPECT_EQ(value("training_steps_total", "Adam"), 2);
  EXPECT_EQ(value("training_backward_passes_total"), 2);
  EXPECT_EQ(value("training_loader_calls_total"), 2);
  EXPECT_DOUBLE_EQ(value("training_time_seconds_total", "data_wait"), 0.004);
  EXPECT_DOUBLE_EQ(value("training_time_seconds_total", "forward"), 0.006);
  EXPECT_DOUBLE_EQ(value("training_time_seconds_total", "backward"), 0.004);
  EXPECT_DOUBLE_EQ(value("training_time_seconds_total", "optimizer"), 0.002);
  EXPECT_DOUBLE_EQ(value("training_last_step_timestamp_seconds"), 1.128);
  const auto families = metrics.collect();
  const auto& histogram = families.back().metric.at(0).histogram;
  EXPECT_EQ(families.back().name, "training_step_duration_seconds");
  EXPECT_EQ(histogram.sample_count, 2u);
  EXPECT_DOUBLE_EQ(histogram.sample_sum, 0.016);
  for (const auto& bucket : histogram.bucket)
    EXPECT_EQ(bucket.cumulative_count, bucket.upper_bound >= 0.01 ? 2u : 0u) << bucket.upper_bound;
}

TEST_F(TrainingMetricsTest, WhatALoopDidAfterItsLastStepIsAddedOnce) {
  iteration(1, 10, 100);
  loop.mark(TRAINING_DATA_BEGIN, "", true, 120 * kMs);
  loop.mark(TRAINING_BACKWARD, "", true, 125 * kMs);
  metrics.progress(1, 10, resource, loop);
  metrics.progress(1, 10, resource, loop);
  EXPECT_EQ(value("training_backward_passes_total"), 2);
  EXPECT_EQ(value("training_loader_calls_total"), 2);
}

TEST_F(TrainingMetricsTest, Checkpoints) {
  metrics.checkpoint(10, resource, true);
  metrics.checkpoint(10, resource, true);
  metrics.checkpoint(10, resource, false);
  EXPECT_EQ(value("training_checkpoints_total", "save"), 2);
  EXPECT_EQ(value("training_checkpoints_total", "load"), 1);
  EXPECT_EQ(value("training_last_step_timestamp_seconds"), -1);
}

TEST_F(TrainingMetricsTest, HowLongAProcessTrainedUnseen) {
  iteration(1, 10, 100);
  EXPECT_EQ(value("training_unseen_seconds"), -1);
  metrics.probed_late(10, resource, 25 * kMs);
  metrics.probed_late(10, resource, 25 * kMs);
  EXPECT_DOUBLE_EQ(value("training_unseen_seconds"), 0.025);
}

TEST_F(TrainingMetricsTest, SeriesOfAProcessStayForAWhile) {
  iteration(1, 10, 100);
  metrics.process_over(10, 1000 * kMs);
  metrics.expire(1000 * kMs + TrainingMetrics::kKeptNs);
  EXPECT_EQ(value("training_steps_total"), 1);
  metrics.expire(1001 * kMs + TrainingMetrics::kKeptNs);
  EXPECT_TRUE(metrics.collect().empty());
}

TEST_F(TrainingMetricsTest, ProcessesAreBounded) {
  for (uint32_t pid = 1; pid <= TrainingMetrics::kMaxProcesses + 3; ++pid)
    metrics.checkpoint(pid, resource, true);
  for (const auto& family : metrics.collect())
    if (family.name == "training_backward_passes_total") {
      EXPECT_EQ(family.metric.size(), TrainingMetrics::kMaxProcesses);
    }
}

}  // namespace
}  // namespace tacit::gpu
