// SPDX-License-Identifier: Apache-2.0
// Reads the metrics every interval, and once more at shutdown, and sends them to one OTLP endpoint.
// Has a thread of its own. A snapshot that cannot be delivered is retried until the next is due;
// values are cumulative, so the next one says the same and more.
#pragma once
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "agent/base/result.h"
#include "agent/config/config.h"
#include "agent/telemetry/exporter.h"
#include "agent/telemetry/metric_source.h"
#include "exporters/delivery.h"
#include "exporters/destination.h"
#include "exporters/otlp/transport.h"
#include "exporters/stop_signal.h"

namespace tacit::exporters {

class OtlpMetricExporter {
 public:
  // `source` outlives this.
  static Result<std::unique_ptr<OtlpMetricExporter>> make(const config::OtlpConfig& config,
                                                          std::chrono::milliseconds interval,
                                                          const telemetry::MetricSource& source);
  ~OtlpMetricExporter();

  // Sends a last snapshot, for at most `deadline`, and stops.
  void shutdown(std::chrono::milliseconds deadline);
  // Items are data points. Nothing is queued, so nothing is dropped. Any thread.
  telemetry::ExporterStats stats() const;

 private:
  class TransportSink;

  OtlpMetricExporter(std::unique_ptr<OtlpTransport> transport, std::chrono::milliseconds interval,
                     const telemetry::MetricSource& source);
  void run();
  void export_once();

  const std::unique_ptr<OtlpTransport> transport_;
  const std::unique_ptr<TransportSink> sink_;
  const std::chrono::milliseconds interval_;
  const telemetry::MetricSource& source_;
  const uint64_t start_unix_ns_;
  StopSignal stop_;
  Delivery delivery_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace tacit::exporters
