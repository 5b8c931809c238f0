// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/otlp_metric_exporter.h"

#include <poll.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "exporters/export_thread.h"
#include "exporters/otlp/encode_metrics.h"

namespace tacit::exporters {
namespace {

RetryPolicy policy_for(std::chrono::milliseconds interval) {
  RetryPolicy policy;
  policy.give_up_after = interval;
  return policy;
}

}  // namespace

class OtlpMetricExporter::TransportSink : public Sink {
 public:
  explicit TransportSink(OtlpTransport& transport) : transport_(transport) {}
  Attempt send(const Payload& payload, const StopSignal& stop) override {
    return transport_.send(payload.body, stop);
  }

 private:
  OtlpTransport& transport_;
};

Result<std::unique_ptr<OtlpMetricExporter>> OtlpMetricExporter::make(
    const config::OtlpConfig& config, std::chrono::milliseconds interval,
    const telemetry::MetricSource& source) {
  auto transport = OtlpTransport::make(config, OtlpSignal::kMetrics);
  if (!transport) return std::unexpected(transport.error());
  return std::unique_ptr<OtlpMetricExporter>(new OtlpMetricExporter(
      std::move(*transport), std::max(interval, std::chrono::milliseconds{1}), source));
}

OtlpMetricExporter::OtlpMetricExporter(std::unique_ptr<OtlpTransport> transport,
                                       std::chrono::milliseconds interval,
                                       const telemetry::MetricSource& source)
    : transport_(std::move(transport)),
      sink_(std::make_unique<TransportSink>(*transport_)),
      interval_(interval),
      source_(source),
      start_unix_ns_(clock_ns(CLOCK_REALTIME)),
      delivery_("otlp-metrics", "data points", policy_for(interval), stop_,
                std::make_unique<DeliveryEnvironment>()),
      thread_(start_export_thread("otlp-metrics", [this] { run(); })) {}

OtlpMetricExporter::~OtlpMetricExporter() { shutdown(std::chrono::milliseconds{0}); }

void OtlpMetricExporter::shutdown(std::chrono::milliseconds deadline) {
  stop_.stop_by(std::chrono::steady_clock::now() + deadline);
  if (thread_.joinable()) thread_.join();
}

telemetry::ExporterStats OtlpMetricExporter::stats() const {
  telemetry::ExporterStats stats;
  stats.destination = "otlp-metrics";
  stats.exported = delivery_.counts().exported;
  stats.failed = delivery_.counts().failed;
  stats.retries = delivery_.counts().retries;
  return stats;
}

void OtlpMetricExporter::run() {
  auto due = std::chrono::steady_clock::now() + interval_;
  while (!stop_.stopped()) {
    pollfd waiting{stop_.fd(), POLLIN, 0};
    // Without an eventfd a stop is noticed within a second.
    (void)::poll(
        &waiting, 1,
        stop_.fd() < 0 ? std::min(milliseconds_until(due), 1'000) : milliseconds_until(due));
    const auto now = std::chrono::steady_clock::now();
    if (stop_.stopped() || now < due) continue;
    export_once();
    // What a slow destination made us miss is not made up for.
    due = std::max(due + interval_, std::chrono::steady_clock::now());
  }
  export_once();
}

void OtlpMetricExporter::export_once() {
  try {
    const auto payloads =
        encode_metrics(source_.collect(), start_unix_ns_, clock_ns(CLOCK_REALTIME));
    for (const Payload& payload : payloads) {
      delivery_.deliver(*sink_, {transport_->pack(payload.body), payload.items});
    }
  } catch (const std::exception& error) {  // out of memory is all that is left
    log::warn(std::string("otlp-metrics: no snapshot could be taken: ") +
              log::escape(error.what()));
  }
}

}  // namespace tacit::exporters
