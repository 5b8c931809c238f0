// SPDX-License-Identifier: Apache-2.0
#include "agent/pipeline/health.h"

#include <array>

#include "agent/base/version.h"
#include "agent/event/decode.h"

namespace tacit::pipeline {
namespace {

std::vector<metrics::NamedFigure> parser_figures(const PipelineFigures& counted) {
  const auto& http = counted.http1;
  return {{"exchange", counted.http.exchanges},
          {"gap", http.gaps},
          {"resync", http.resyncs},
          {"orphan_response", http.orphan_responses},
          {"not_http_connection", http.not_http_connections},
          {"http2_connection", http.http2_connections},
          {"upgraded_connection", http.upgraded_connections},
          {"early_upgrade", http.early_upgrades},
          {"protocol_error", http.protocol_errors},
          {"head_too_large", http.head_too_large},
          {"pipeline_overflow", http.pipeline_overflows},
          {"stale_transfer", http.stale_transfers},
          {"reordered_transfer", http.reordered_transfers},
          {"unannounced_socket", counted.connection.unannounced},
          {"connection_table_full", counted.connection.refused},
          {"process_table_full", counted.refused_processes},
          {"training_table_full", counted.refused_training_runs},
          {"without_process", counted.without_process + counted.http.without_process},
          {"undecodable_event", counted.undecodable}};
}

// Only the sources that a kind has had, and `none` always.
std::vector<metrics::SelfFigures::Parents> parent_figures(
    const trace::Correlator::Counts& counted) {
  constexpr std::array kKinds = {"server", "client", "process", "part"};  // trace::Place::Kind
  std::vector<metrics::SelfFigures::Parents> out;
  for (size_t kind = 0; kind < kKinds.size(); ++kind)
    for (size_t source = 0; source < trace::kParentSourceNames.size(); ++source)
      if (counted[kind][source] != 0 || source == static_cast<size_t>(trace::ParentSource::kNone))
        out.push_back({kKinds[kind], trace::kParentSourceNames[source], counted[kind][source]});
  return out;
}

}  // namespace

metrics::SelfFigures gather_figures(const probe::ProbeSet& probes, const Pipeline& pipeline,
                                    std::vector<telemetry::ExporterStats> exporters) {
  const PipelineFigures counted = pipeline.figures();
  metrics::SelfFigures out;
  out.version = kVersion;
  for (uint8_t type = EVENT_PROCESS_FORK; type < counted.events.size(); ++type)
    out.events.push_back({event::type_name(type), counted.events[type]});
  for (const auto& [outcome, count] : probes.carried()) out.carried.push_back({outcome, count});
  for (const auto& drop : probes.drops()) out.event_drops.push_back({drop.reason, drop.count});
  const auto& ring = probes.ring();
  out.ring_capacity_bytes = ring.capacity_bytes();
  out.ring_fill_ratio = static_cast<double>(ring.waiting_bytes()) /
                        static_cast<double>(ring.capacity_bytes());
  out.parser = parser_figures(counted);
  using telemetry::SpanKind;
  out.spans = {{"server", counted.http.spans[static_cast<size_t>(SpanKind::kServer)]},
               {"client", counted.http.spans[static_cast<size_t>(SpanKind::kClient)]},
               {"connect", counted.failed_connects}};
  out.parents = parent_figures(counted.parents);
  out.spans_not_kept = {{"sampler", counted.outlet.sampled_out},
                        {"sdk", counted.outlet.left_to_sdk}};
  out.held_spans = counted.held_spans;
  out.unsettled_spans = counted.outlet.unsettled;
  out.unplaced_exchanges = counted.http.unplaced;
  out.exporters = std::move(exporters);
  for (const auto& program : probes.program_figures())
    out.programs.push_back({program.name, program.run_time_ns, program.runs});
  for (const auto& name : probes.attached()) out.attached_probes.push_back({name, 1});
  for (const auto& name : probes.missing()) out.attached_probes.push_back({name, 0});
  out.refused_probe_sites = probes.refused_count();
  out.followed_processes = counted.followed_processes;
  out.connections = counted.connections;
  for (const auto& [pid, count] : probes.io_uring_operations())
    out.unseen_io_uring_operations += count;
  return out;
}

}  // namespace tacit::pipeline
