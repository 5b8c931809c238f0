// SPDX-License-Identifier: Apache-2.0
// Recorded events in, spans out: every folder here with an events.bin is a case, and its
// expected.jsonl is what the console would print. Needs neither root nor a network. After a
// deliberate change: TACIT_UPDATE_GOLDEN=1 rewrites the expectations; read the difference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/pipeline/pipeline.h"
#include "agent/trace/samplers.h"
#include "exporters/console/span_format.h"
#include "tests/harness/no_probes.h"
#include "tests/harness/recording.h"

namespace tacit {
namespace {

class Lines final : public telemetry::SpanExporter {
 public:
  void export_spans(std::vector<telemetry::Span> spans) override {
    for (const auto& span : spans) {
      exporters::append_span_json(text, span);
      if (!text.ends_with('\n')) text += '\n';
    }
  }
  void shutdown(std::chrono::milliseconds) override {}
  telemetry::ExporterStats stats() const override { return {}; }
  std::string text;
};

// The recorder starts the command as its child, whose exec is the first event.
uint32_t command_pid(const std::vector<harness::RecordedEvent>& records) {
  return reinterpret_cast<const event_header*>(records.front().bytes().data())->pid;
}

std::string replay(const std::vector<harness::RecordedEvent>& records) {
  config::Config config;
  harness::NoProbes probes;
  Lines lines;
  config::Selector everything;  // that was recorded
  everything.cmd = "*";
  discovery::ProcessTable processes(discovery::ProcFs{"/nonexistent"},
                                    discovery::SelectorSet{{everything}, 1}, "");
  enrich::ResourceCatalog resources(config, "golden-host", "0");
  semantics::HttpSemantics semantics(config);
  const auto samplers = trace::Samplers::create(config);
  trace::Correlator correlator(trace::IdGenerator{1});
  metrics::Metrics metrics(config, resources.agent_resource(),
                           [] { return metrics::SelfFigures{}; }, "/nonexistent");
  gpu::TrainingMetrics training;
  pipeline::Pipeline pipeline({config, probes, processes, resources, semantics, correlator,
                               *samplers, metrics, training, {&lines}, 0, command_pid(records)});
  uint64_t now_ns = 0;
  for (const auto& record : records) {
    pipeline.on_record(record.bytes());
    now_ns = reinterpret_cast<const event_header*>(record.bytes().data())->time_ns;
  }
  pipeline.finish(now_ns);
  EXPECT_EQ(pipeline.figures().undecodable, 0u);
  EXPECT_EQ(pipeline.figures().without_process, 0u);
  EXPECT_EQ(pipeline.figures().http.without_process, 0u);
  return lines.text;
}

class Replay : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(Replay, GivesTheSpansThatWereRecorded) {
  const auto records = harness::read_recording(GetParam() / "events.bin");
  ASSERT_FALSE(records.empty()) << "no recording in " << GetParam();
  const std::string spans = replay(records);
  const auto expected_path = GetParam() / "expected.jsonl";
  if (std::getenv("TACIT_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(expected_path) << spans;
    GTEST_SKIP() << "rewritten: " << expected_path;
  }
  std::stringstream expected;
  expected << std::ifstream(expected_path).rdbuf();
  EXPECT_EQ(spans, expected.str());
}

std::vector<std::filesystem::path> cases() {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(TACIT_GOLDEN_FOLDER))
    if (std::filesystem::exists(entry.path() / "events.bin")) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

std::string case_name(const ::testing::TestParamInfo<std::filesystem::path>& parameter) {
  std::string name = parameter.param.filename();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(golden, Replay, ::testing::ValuesIn(cases()), case_name);

}  // namespace
}  // namespace tacit
