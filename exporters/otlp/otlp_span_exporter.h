// SPDX-License-Identifier: Apache-2.0
// Spans to one OTLP endpoint: encode_spans.h behind export_queue.h, carried by transport.h.
#pragma once
#include <memory>

#include "agent/base/result.h"
#include "agent/config/config.h"
#include "agent/telemetry/exporter.h"
#include "exporters/destination.h"
#include "exporters/otlp/transport.h"

namespace tacit::exporters {

class OtlpSpanSink : public SpanSink {
 public:
  explicit OtlpSpanSink(std::unique_ptr<OtlpTransport> transport);
  std::vector<Payload> encode(std::vector<telemetry::Span> spans) override;
  Attempt send(const Payload& payload, const StopSignal& stop) override;

 private:
  const std::unique_ptr<OtlpTransport> transport_;
};

Result<std::unique_ptr<telemetry::SpanExporter>> make_otlp_span_exporter(
    const config::OtlpConfig& config, size_t queue_spans);

}  // namespace tacit::exporters
