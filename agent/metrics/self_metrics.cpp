// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/self_metrics.h"

#include <utility>

namespace tacit::metrics {
namespace {

Labels with(const Labels& self, const char* name, const std::string& value) {
  Labels labels = self;
  labels.push_back({name, value});
  return labels;
}

void add_counters(FamilySet& families, const char* name, const char* help, const char* label,
                  const std::vector<NamedFigure>& figures, const Labels& self) {
  for (const NamedFigure& figure : figures) {
    families.add_counter(name, help, with(self, label, figure.name),
                         static_cast<double>(figure.value));
  }
}

void add_parents(FamilySet& families, const SelfFigures& figures, const Labels& self) {
  for (const SelfFigures::Parents& parents : figures.parents) {
    Labels labels = with(self, "kind", parents.kind);
    labels.push_back({"source", parents.source});
    families.add_counter("tacit_parents_total",
                         "Spans, before sampling, by how their parent was found", std::move(labels),
                         static_cast<double>(parents.value));
  }
  families.add_gauge("tacit_held_spans", "Spans that wait for their place in a trace", self,
                     static_cast<double>(figures.held_spans));
  families.add_counter("tacit_unsettled_spans_total",
                       "Spans that waited no longer for their place, as too many waited", self,
                       static_cast<double>(figures.unsettled_spans));
  families.add_counter("tacit_unplaced_exchanges_total",
                       "Exchanges without a span: their side or process was not known in time", self,
                       static_cast<double>(figures.unplaced_exchanges));
}

void add_exporters(FamilySet& families, const std::vector<telemetry::ExporterStats>& exporters,
                   const Labels& self) {
  for (const telemetry::ExporterStats& stats : exporters) {
    const Labels labels = with(self, "destination", stats.destination);
    const auto counter = [&](const char* name, const char* help, uint64_t value) {
      families.add_counter(name, help, labels, static_cast<double>(value));
    };
    counter("tacit_exporter_exported_total", "Items that the destination took", stats.exported);
    counter("tacit_exporter_failed_total",
            "Items given up after a permanent error or the last retry", stats.failed);
    counter("tacit_exporter_dropped_total", "Items that found the queue full", stats.dropped);
    counter("tacit_exporter_retries_total", "Attempts after the first", stats.retries);
    families.add_gauge("tacit_exporter_queue_items", "Items waiting to be sent", labels,
                       static_cast<double>(stats.queue_items));
    families.add_gauge("tacit_exporter_queue_capacity", "Items that the queue can hold", labels,
                       static_cast<double>(stats.queue_capacity));
  }
}

void add_programs(FamilySet& families, const SelfFigures& figures, const Labels& self) {
  for (const SelfFigures::Program& program : figures.programs) {
    const Labels labels = with(self, "program", program.name);
    families.add_counter("tacit_bpf_program_run_time_seconds_total",
                         "Time spent in a BPF program, as the kernel counts it", labels,
                         static_cast<double>(program.run_time_ns) / 1e9);
    families.add_counter("tacit_bpf_program_runs_total", "Runs of a BPF program", labels,
                         static_cast<double>(program.runs));
  }
  for (const NamedFigure& probe : figures.attached_probes) {
    families.add_gauge("tacit_attached_probes", "Places where a probe is attached",
                       with(self, "probe", probe.name), static_cast<double>(probe.value));
  }
  families.add_gauge("tacit_runtime_probes_refused",
                     "Reasons why language runtimes are not looked into; the log has them (debug)",
                     self, static_cast<double>(figures.refused_probe_sites));
}

}  // namespace

void add_self_metrics(const SelfFigures& figures, const Labels& self, FamilySet& families) {
  families.add_gauge("tacit_build_info", "The running agent; always 1",
                     with(self, "version", figures.version), 1);
  add_counters(families, "tacit_events_total", "Events read from the ring buffer", "type",
               figures.events, self);
  add_counters(families, "tacit_events_dropped_total",
               "What selected processes did and the kernel side could not report", "reason",
               figures.event_drops, self);
  families.add_gauge("tacit_ring_fill_ratio", "Filled part of the ring buffer, 0 to 1", self,
                     figures.ring_fill_ratio);
  families.add_gauge("tacit_ring_capacity_bytes", "Size of the ring buffer", self,
                     static_cast<double>(figures.ring_capacity_bytes));
  add_counters(families, "tacit_parser_total", "What the protocol parsers made of the streams",
               "result", figures.parser, self);
  add_counters(families, "tacit_spans_total", "Spans seen, before sampling", "kind", figures.spans,
               self);
  add_counters(families, "tacit_spans_not_kept_total", "Spans seen that go nowhere", "reason",
               figures.spans_not_kept, self);
  add_parents(families, figures, self);
  add_counters(families, "tacit_carried_contexts_total",
               "Trace contexts that requests took to other hosts, or did not", "outcome",
               figures.carried, self);
  add_exporters(families, figures.exporters, self);
  add_programs(families, figures, self);
  families.add_gauge("tacit_followed_processes", "Processes observed now", self,
                     static_cast<double>(figures.followed_processes));
  families.add_gauge("tacit_connections", "Connections tracked now", self,
                     static_cast<double>(figures.connections));
  families.add_counter("tacit_unseen_io_uring_operations_total",
                       "Socket operations that went through io_uring and could not be seen", self,
                       static_cast<double>(figures.unseen_io_uring_operations));
}

}  // namespace tacit::metrics
