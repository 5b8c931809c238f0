// SPDX-License-Identifier: Apache-2.0
// Prints spans, one line each. The lines' form is in span_format.h and README.md, the waiting in
// line_writer.h, the queue and the counts in export_queue.h.
#pragma once
#include <memory>

#include "agent/config/config.h"
#include "agent/telemetry/exporter.h"
#include "exporters/console/line_writer.h"
#include "exporters/destination.h"

namespace tacit::exporters {

class ConsoleSink : public SpanSink {
 public:
  // `format` is kJson or kText. `fd` is only read here; see LineWriter.
  ConsoleSink(int fd, config::ConsoleFormat format);

  std::vector<Payload> encode(std::vector<telemetry::Span> spans) override;
  Attempt send(const Payload& payload, const StopSignal& stop) override;

 private:
  LineWriter writer_;
  const bool json_;
};

// The sink behind its queue; `queue_spans` bounds it.
std::unique_ptr<telemetry::SpanExporter> make_console_exporter(int fd, config::ConsoleFormat format,
                                                               size_t queue_spans);

}  // namespace tacit::exporters
