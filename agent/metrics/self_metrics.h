// SPDX-License-Identifier: Apache-2.0
// The agent's own health as metrics. README.md lists them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "agent/metrics/family_set.h"
#include "agent/telemetry/exporter.h"

namespace tacit::metrics {

// A figure of a kind that has a name; the name becomes a label value.
struct NamedFigure {
  std::string name;
  uint64_t value = 0;
};

// Filled by the pipeline whenever it is asked. Counts are since start.
struct SelfFigures {
  std::string version;
  std::vector<NamedFigure> events;         // ring records decoded, by type
  std::vector<NamedFigure> carried;        // by outcome: contexts taken to other hosts; empty: off
  std::vector<NamedFigure> event_drops;    // by reason: what the kernel side could not report
  double ring_fill_ratio = 0;              // 0 to 1
  uint64_t ring_capacity_bytes = 0;
  std::vector<NamedFigure> parser;         // exchanges and losses of the parsers, by result
  std::vector<NamedFigure> spans;          // all, before sampling, by kind: server, client, connect
  // Spans whose place in a trace is settled, by kind (server, client, process) and by how the parent
  // was found.
  struct Parents {
    std::string kind;
    std::string source;
    uint64_t value = 0;
  };
  std::vector<Parents> parents;
  std::vector<NamedFigure> spans_not_kept;  // by reason: sampler; sdk (makes them itself)
  uint64_t held_spans = 0;          // now: their place is not settled yet
  uint64_t unsettled_spans = 0;     // were not held any longer, as too many were
  uint64_t unplaced_exchanges = 0;  // their side or process was not known when they began
  uint64_t refused_probe_sites = 0;  // reasons why a language runtime is not looked into
  std::vector<telemetry::ExporterStats> exporters;
  struct Program {
    std::string name;
    uint64_t run_time_ns = 0;
    uint64_t runs = 0;
  };
  std::vector<Program> programs;             // BPF programs, where the kernel counts them
  std::vector<NamedFigure> attached_probes;  // by probe
  uint64_t followed_processes = 0;
  uint64_t connections = 0;
  uint64_t unseen_io_uring_operations = 0;
};

// `self` are the labels job and instance of the agent.
void add_self_metrics(const SelfFigures& figures, const Labels& self, FamilySet& families);

}  // namespace tacit::metrics
