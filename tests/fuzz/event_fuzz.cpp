// SPDX-License-Identifier: Apache-2.0
// Arbitrary ring records through the whole path: decode, connections, protocol, semantics, spans.
// The input is a recording without its first line (tests/harness/recording.h): length, bytes, …
// Invariants: nothing crashes, no span ends before it begins, every request that began ends once.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "agent/base/log.h"
#include "agent/pipeline/pipeline.h"
#include "agent/trace/samplers.h"
#include "exporters/console/span_format.h"
#include "tests/harness/no_probes.h"

namespace tacit {
namespace {

constexpr uint32_t kCommandPid = 1000;

void check(bool holds) {
  if (!holds) std::abort();
}

class Checker final : public telemetry::SpanExporter {
 public:
  void export_spans(std::vector<telemetry::Span> spans) override {
    for (const auto& span : spans) {
      check(span.end_unix_ns >= span.start_unix_ns);
      check(span.resource != nullptr && !span.name.empty());
      std::string line;
      exporters::append_span_json(line, span);
      exporters::append_span_text(line, span, false);
      check(line.find('\x1b') == std::string::npos);
    }
  }
  void shutdown(std::chrono::milliseconds) override {}
  telemetry::ExporterStats stats() const override { return {}; }
};

// The parts that keep nothing between inputs that matters; made once, they are slow to make.
struct Rooms {
  config::Config config;
  harness::NoProbes probes;
  Checker checker;
  enrich::ResourceCatalog resources{config, "host", "0"};
  semantics::HttpSemantics semantics{config};
  trace::Samplers samplers = *trace::Samplers::create(config);
};

discovery::SelectorSet everything() {
  config::Selector selector;
  selector.cmd = "*";
  return {{selector}, 1};
}

void run(const uint8_t* data, size_t size) {
  static Rooms rooms;
  discovery::ProcessTable processes(discovery::ProcFs{"/nonexistent"}, everything(), "");
  metrics::Metrics metrics(rooms.config, rooms.resources.agent_resource(),
                           [] { return metrics::SelfFigures{}; }, "/nonexistent");
  trace::Correlator correlator(trace::IdGenerator{1});
  gpu::TrainingMetrics training;
  pipeline::Pipeline pipeline({rooms.config, rooms.probes, processes, rooms.resources,
                               rooms.semantics, correlator, rooms.samplers, metrics,
                               training, {&rooms.checker}, 0, kCommandPid});
  for (size_t at = 0; at + sizeof(uint32_t) <= size;) {
    uint32_t length = 0;
    std::memcpy(&length, data + at, sizeof(length));
    at += sizeof(length);
    const size_t bytes = std::min<size_t>(length, size - at);
    std::vector<uint64_t> record((bytes + 7) / 8);  // aligned, and ASan knows its end
    if (bytes > 0) std::memcpy(record.data(), data + at, bytes);
    pipeline.on_record({reinterpret_cast<const std::byte*>(record.data()), bytes});
    at += bytes;
  }
  pipeline.on_batch_end(UINT64_MAX / 2);
  pipeline.finish(UINT64_MAX / 2);
  for (const auto& family : metrics.collect())
    if (family.name == "http_server_active_requests")
      for (const auto& metric : family.metric) check(metric.gauge.value == 0);
}

}  // namespace
}  // namespace tacit

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  tacit::log::set_level(tacit::log::Level::kOff);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tacit::run(data, size);
  return 0;
}
