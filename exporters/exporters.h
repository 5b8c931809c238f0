// SPDX-License-Identifier: Apache-2.0
// Builds every output that the configuration names. Included by main.cpp alone.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "agent/base/result.h"
#include "agent/config/config.h"
#include "agent/telemetry/exporter.h"
#include "agent/telemetry/metric_source.h"

namespace tacit::exporters {

class OtlpMetricExporter;
class PrometheusExposer;

// Console (standard error) and OTLP, as configured; empty if nothing is. An error only for settings
// that cannot work: a destination that is down is retried, not refused.
Result<std::vector<std::unique_ptr<telemetry::SpanExporter>>> make_span_exporters(
    const config::Config& config);

// /metrics and the periodic OTLP export, as configured. Each has threads of its own.
class MetricOutputs {
 public:
  // `source` outlives the outputs.
  static Result<std::unique_ptr<MetricOutputs>> start(const config::Config& config,
                                                      const telemetry::MetricSource& source);
  ~MetricOutputs();

  // Sends the last values, for at most `deadline`, and closes /metrics.
  void shutdown(std::chrono::milliseconds deadline);
  // One entry for each destination that is pushed to. Any thread.
  std::vector<telemetry::ExporterStats> stats() const;
  // Where /metrics is served; 0: it is not.
  uint16_t prometheus_port() const;

 private:
  MetricOutputs();

  std::unique_ptr<PrometheusExposer> prometheus_;
  std::unique_ptr<OtlpMetricExporter> otlp_;
};

// Shuts all down at once, so that together they take no longer than `deadline`. `metrics` may be
// null.
void shutdown_all(const std::vector<std::unique_ptr<telemetry::SpanExporter>>& exporters,
                  MetricOutputs* metrics, std::chrono::milliseconds deadline);

// For `tacit doctor`: opens one connection (with TLS for https), for at most a second, and sends
// nothing. An empty endpoint is no error.
Result<void> check_reachable(const config::OtlpConfig& config);

}  // namespace tacit::exporters
