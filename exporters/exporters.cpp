// SPDX-License-Identifier: Apache-2.0
#include "exporters/exporters.h"

#include <fmt/format.h>
#include <unistd.h>

#include <thread>
#include <utility>

#include "agent/base/log.h"
#include "exporters/console/console_exporter.h"
#include "exporters/export_thread.h"
#include "exporters/otlp/http_client.h"
#include "exporters/otlp/otlp_metric_exporter.h"
#include "exporters/otlp/otlp_span_exporter.h"
#include "exporters/prometheus/prometheus_exposer.h"

namespace tacit::exporters {

Result<std::vector<std::unique_ptr<telemetry::SpanExporter>>> make_span_exporters(
    const config::Config& config) {
  std::vector<std::unique_ptr<telemetry::SpanExporter>> exporters;
  if (config.console != config::ConsoleFormat::kOff) {
    exporters.push_back(make_console_exporter(STDERR_FILENO, config.console, config.queue_spans));
  }
  if (!config.otlp_traces.endpoint.empty()) {
    auto otlp = make_otlp_span_exporter(config.otlp_traces, config.queue_spans);
    if (!otlp) return std::unexpected(otlp.error());
    exporters.push_back(std::move(*otlp));
  }
  return exporters;
}

void shutdown_all(const std::vector<std::unique_ptr<telemetry::SpanExporter>>& exporters,
                  MetricOutputs* metrics, std::chrono::milliseconds deadline) {
  std::vector<std::thread> threads;
  threads.reserve(exporters.size());
  for (const auto& exporter : exporters) {
    threads.push_back(
        start_export_thread("shutdown", [&exporter, deadline] { exporter->shutdown(deadline); }));
  }
  if (metrics != nullptr) metrics->shutdown(deadline);
  for (std::thread& thread : threads) thread.join();
}

MetricOutputs::MetricOutputs() = default;
MetricOutputs::~MetricOutputs() = default;

Result<std::unique_ptr<MetricOutputs>> MetricOutputs::start(const config::Config& config,
                                                            const telemetry::MetricSource& source) {
  std::unique_ptr<MetricOutputs> outputs(new MetricOutputs);
  if (config.prometheus) {
    auto exposer = PrometheusExposer::start(config.prometheus_host, config.prometheus_port, source);
    if (!exposer) return std::unexpected(exposer.error());
    outputs->prometheus_ = std::move(*exposer);
  }
  if (!config.otlp_metrics.endpoint.empty()) {
    auto otlp = OtlpMetricExporter::make(config.otlp_metrics, config.metric_interval, source);
    if (!otlp) return std::unexpected(otlp.error());
    outputs->otlp_ = std::move(*otlp);
  }
  return outputs;
}

void MetricOutputs::shutdown(std::chrono::milliseconds deadline) {
  if (otlp_) otlp_->shutdown(deadline);
  prometheus_.reset();
}

std::vector<telemetry::ExporterStats> MetricOutputs::stats() const {
  std::vector<telemetry::ExporterStats> all;
  if (otlp_) all.push_back(otlp_->stats());
  return all;
}

uint16_t MetricOutputs::prometheus_port() const { return prometheus_ ? prometheus_->port() : 0; }

Result<void> check_reachable(const config::OtlpConfig& config) {
  if (config.endpoint.empty()) return {};
  const Result<Endpoint> endpoint = check_endpoint(config, OtlpSignal::kTraces);
  if (!endpoint) return std::unexpected(endpoint.error());
  auto client =
      HttpClient::make(config, *endpoint, config.protocol == config::OtlpProtocol::kGrpc, {});
  if (!client) return std::unexpected(client.error());
  const HttpReply reply = (*client)->connect(std::chrono::seconds(1));
  if (reply.fault == CURLE_OK) return {};
  return fail(
      fmt::format("Cannot reach the OTLP endpoint {}: {}; start a collector there or change "
                  "the endpoint.",
                  endpoint->shown, log::escape(reply.fault_text)));
}

}  // namespace tacit::exporters
