// SPDX-License-Identifier: Apache-2.0
#include "exporters/otlp/otlp_span_exporter.h"

#include "exporters/export_queue.h"
#include "exporters/otlp/encode_spans.h"

namespace tacit::exporters {

OtlpSpanSink::OtlpSpanSink(std::unique_ptr<OtlpTransport> transport)
    : transport_(std::move(transport)) {}

std::vector<Payload> OtlpSpanSink::encode(std::vector<telemetry::Span> spans) {
  std::vector<Payload> payloads = encode_spans(spans);
  for (Payload& payload : payloads) payload.body = transport_->pack(std::move(payload.body));
  return payloads;
}

Attempt OtlpSpanSink::send(const Payload& payload, const StopSignal& stop) {
  return transport_->send(payload.body, stop);
}

Result<std::unique_ptr<telemetry::SpanExporter>> make_otlp_span_exporter(
    const config::OtlpConfig& config, size_t queue_spans) {
  auto transport = OtlpTransport::make(config, OtlpSignal::kTraces);
  if (!transport) return std::unexpected(transport.error());
  ExportQueue::Options options;
  options.destination = "otlp-spans";
  options.capacity = queue_spans;
  return std::make_unique<ExportQueue>(std::move(options),
                                       std::make_unique<OtlpSpanSink>(std::move(*transport)));
}

}  // namespace tacit::exporters
