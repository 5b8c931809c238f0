// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/self_metrics.h"

#include <gtest/gtest.h>

#include "tests/unit/metrics/metric_reading.h"

namespace tacit::metrics {
namespace {

SelfFigures figures() {
  SelfFigures made;
  made.version = "0.1.0";
  made.events = {{"data", 10}, {"process_exec", 2}};
  made.event_drops = {{"ring_full_send", 3}};
  made.ring_fill_ratio = 0.25;
  made.ring_capacity_bytes = 8388608;
  made.parser = {{"exchanges", 7}};
  made.spans = {{"server", 5}, {"client", 2}};
  made.parents = {{"server", "socket", 12}, {"client", "none", 0}};
  made.held_spans = 13;
  made.unsettled_spans = 14;
  made.spans_not_kept = {{"sdk", 15}};
  made.unplaced_exchanges = 15;
  made.refused_probe_sites = 16;
  made.exporters = {{"otlp-spans", 1, 2, 3, 4, 5, 6}};
  made.programs = {{"sys_exit", 2'500'000'000, 1000}};
  made.attached_probes = {{"syscalls", 1}};
  made.followed_processes = 4;
  made.connections = 9;
  made.unseen_io_uring_operations = 11;
  return made;
}

TEST(SelfMetrics, EveryFigureHasItsSeries) {
  FamilySet set;
  add_self_metrics(figures(), {{"job", "tacit"}, {"instance", "host"}}, set);
  const Families families = set.take();
  struct Expected {
    const char* name;
    const char* label;
    const char* label_value;
    double value;
  };
  const Expected expected[] = {
      {"tacit_build_info", "version", "0.1.0", 1},
      {"tacit_events_total", "type", "data", 10},
      {"tacit_events_total", "type", "process_exec", 2},
      {"tacit_events_dropped_total", "reason", "ring_full_send", 3},
      {"tacit_ring_fill_ratio", nullptr, nullptr, 0.25},
      {"tacit_ring_capacity_bytes", nullptr, nullptr, 8388608},
      {"tacit_parser_total", "result", "exchanges", 7},
      {"tacit_spans_total", "kind", "server", 5},
      {"tacit_spans_total", "kind", "client", 2},
      {"tacit_held_spans", nullptr, nullptr, 13},
      {"tacit_unsettled_spans_total", nullptr, nullptr, 14},
      {"tacit_spans_not_kept_total", "reason", "sdk", 15},
      {"tacit_unplaced_exchanges_total", nullptr, nullptr, 15},
      {"tacit_runtime_probes_refused", nullptr, nullptr, 16},
      {"tacit_exporter_exported_total", "destination", "otlp-spans", 1},
      {"tacit_exporter_failed_total", "destination", "otlp-spans", 2},
      {"tacit_exporter_dropped_total", "destination", "otlp-spans", 3},
      {"tacit_exporter_retries_total", "destination", "otlp-spans", 4},
      {"tacit_exporter_queue_items", "destination", "otlp-spans", 5},
      {"tacit_exporter_queue_capacity", "destination", "otlp-spans", 6},
      {"tacit_bpf_program_run_time_seconds_total", "program", "sys_exit", 2.5},
      {"tacit_bpf_program_runs_total", "program", "sys_exit", 1000},
      {"tacit_attached_probes", "probe", "syscalls", 1},
      {"tacit_followed_processes", nullptr, nullptr, 4},
      {"tacit_connections", nullptr, nullptr, 9},
      {"tacit_unseen_io_uring_operations_total", nullptr, nullptr, 11},
  };
  size_t total = 0;
  for (const auto& one : families) total += one.metric.size();
  EXPECT_EQ(total, std::size(expected) + figures().parents.size());
  for (const Expected& one : expected) {
    LabelMap labels = {{"job", "tacit"}, {"instance", "host"}};
    if (one.label) labels[one.label] = one.label_value;
    const auto* metric = series(families, one.name, labels);
    ASSERT_NE(metric, nullptr) << one.name;
    const bool counter = family(families, one.name)->type == prometheus::MetricType::Counter;
    EXPECT_DOUBLE_EQ(counter ? metric->counter.value : metric->gauge.value, one.value) << one.name;
    EXPECT_EQ(counter, std::string(one.name).ends_with("_total")) << one.name;
  }
}

TEST(SelfMetrics, ParentsAreCountedByKindAndSource) {
  FamilySet set;
  add_self_metrics(figures(), {{"job", "tacit"}}, set);
  const Families families = set.take();
  const auto* joined = series(families, "tacit_parents_total",
                              {{"job", "tacit"}, {"kind", "server"}, {"source", "socket"}});
  const auto* none = series(families, "tacit_parents_total",
                            {{"job", "tacit"}, {"kind", "client"}, {"source", "none"}});
  ASSERT_TRUE(joined != nullptr && none != nullptr);
  EXPECT_EQ(joined->counter.value, 12);
  EXPECT_EQ(none->counter.value, 0);
  EXPECT_EQ(family(families, "tacit_parents_total")->type, prometheus::MetricType::Counter);
  EXPECT_EQ(series_count(families, "tacit_parents_total"), 2u);
}

}  // namespace
}  // namespace tacit::metrics
