// SPDX-License-Identifier: Apache-2.0
// The agent's own figures, gathered when somebody asks for metrics.
#pragma once
#include <functional>
#include <vector>

#include "agent/metrics/self_metrics.h"
#include "agent/pipeline/pipeline.h"
#include "agent/probe/probe_set.h"
#include "agent/telemetry/exporter.h"

namespace tacit::pipeline {

// Any thread: both sources promise that for what is read here. `exporters` are every destination's.
metrics::SelfFigures gather_figures(const probe::ProbeSet& probes, const Pipeline& pipeline,
                                    std::vector<telemetry::ExporterStats> exporters);

}  // namespace tacit::pipeline
