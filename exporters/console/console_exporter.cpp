// SPDX-License-Identifier: Apache-2.0
#include "exporters/console/console_exporter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "exporters/console/span_format.h"
#include "exporters/export_queue.h"

namespace tacit::exporters {
namespace {

constexpr size_t kTypicalJsonBytes = 1'280;
constexpr size_t kTypicalTextBytes = 128;

}  // namespace

ConsoleSink::ConsoleSink(int fd, config::ConsoleFormat format)
    : writer_(fd), json_(format == config::ConsoleFormat::kJson) {}

std::vector<Payload> ConsoleSink::encode(std::vector<telemetry::Span> spans) {
  std::vector<Payload> payloads(1);
  Payload& payload = payloads.front();
  payload.items = spans.size();
  payload.body.reserve(spans.size() * (json_ ? kTypicalJsonBytes : kTypicalTextBytes));
  for (const auto& span : spans) {
    if (json_) {
      append_span_json(payload.body, span);
    } else {
      append_span_text(payload.body, span, writer_.is_terminal());
    }
  }
  return payloads;
}

Attempt ConsoleSink::send(const Payload& payload, const StopSignal& stop) {
  const LineWriter::Written written = writer_.write(payload.body, stop);
  Attempt attempt;
  if (written.error == 0) return attempt;
  // A line that left only in part is lost: nobody can read it.
  const std::string_view left = std::string_view(payload.body).substr(0, written.bytes);
  const auto lines = static_cast<uint64_t>(std::count(left.begin(), left.end(), '\n'));
  attempt.failed = payload.items - std::min(lines, payload.items);
  attempt.message = written.error == ETIMEDOUT
                        ? "the reader did not keep up and the agent is stopping"
                        : fmt::format("cannot write spans: {}", std::strerror(written.error));
  return attempt;
}

std::unique_ptr<telemetry::SpanExporter> make_console_exporter(int fd, config::ConsoleFormat format,
                                                               size_t queue_spans) {
  ExportQueue::Options options;
  options.destination = "console";
  options.capacity = queue_spans;
  options.schedule = std::chrono::milliseconds(100);  // a person is watching
  return std::make_unique<ExportQueue>(std::move(options),
                                       std::make_unique<ConsoleSink>(fd, format));
}

}  // namespace tacit::exporters
