// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/training_spans.h"

#include <cstring>

#include "agent/gpu/process_series.h"
#include "agent/telemetry/attribute_number.h"

namespace tacit::gpu {
namespace {

using telemetry::attribute_number;
using telemetry::attribute_share;

void add_loop(telemetry::Attributes& attributes, const LoopFigures& loop, uint64_t length_ns) {
  // None at all: this PyTorch does not tell them.
  if (loop.steps > 0) attributes.push_back({"tacit.training.steps", attribute_number(loop.steps)});
  std::vector<std::string> optimizers;
  for (const auto& [name, steps] : loop.optimizers)
    optimizers.push_back(name + "=" + std::to_string(steps));
  if (!optimizers.empty())
    attributes.push_back({"tacit.training.optimizer_steps", std::move(optimizers)});
  attributes.push_back({"tacit.training.backward_passes", attribute_number(loop.backward_passes)});
  if (loop.steps > 0)
    attributes.push_back({"tacit.training.loader_calls", attribute_number(loop.loader_calls)});
  if (loop.step_p50_ns)
    attributes.push_back({"tacit.training.step.duration.p50", seconds(*loop.step_p50_ns)});
  if (loop.step_p95_ns)
    attributes.push_back({"tacit.training.step.duration.p95", seconds(*loop.step_p95_ns)});
  if (!loop.times_known || loop.steps == 0) return;
  const LoopTimes& times = loop.times;
  // What is 0 because it lies in closures, where it cannot be told apart, is left out.
  const auto add = [&](const char* name, uint64_t part_ns, bool may_be_zero) {
    if (part_ns > 0 || may_be_zero)
      attributes.push_back({name, attribute_share(part_ns, length_ns)});
  };
  const bool in_parts = times.closure_ns == 0;
  if (loop.loader_calls > 0) {
    add("tacit.training.data_wait.share", times.data_wait_ns, true);
    add("tacit.training.forward.share", times.forward_ns, in_parts);
  }
  add("tacit.training.backward.share", times.backward_ns, in_parts);
  add("tacit.training.optimizer.share", times.optimizer_ns, in_parts);
  add("tacit.training.closure.share", times.closure_ns, false);
}

// As an exception is told of: https://opentelemetry.io/docs/specs/semconv/exceptions/
void add_failure(telemetry::Span& span, const FileFailure& failure) {
  const std::string what = ::strerrordesc_np(failure.error_number) != nullptr
                               ? ::strerrordesc_np(failure.error_number)
                               : "error " + std::to_string(failure.error_number);
  const char* name = ::strerrorname_np(failure.error_number);
  span.status = telemetry::StatusCode::kError;
  span.status_message = failure.path + ": " + what;
  span.attributes.push_back({"error.type", std::string(name != nullptr ? name : "unknown")});
  span.attributes.push_back({"file.path", failure.path});
}

}  // namespace

telemetry::Span phase_span(const TrainingPhase& phase, int64_t wall_offset_ns) {
  telemetry::Span span;
  span.name = name_of(phase.kind);
  span.start_unix_ns =
      static_cast<uint64_t>(static_cast<int64_t>(phase.begin_ns) + wall_offset_ns);
  const uint64_t length_ns = phase.end_ns > phase.begin_ns ? phase.end_ns - phase.begin_ns : 0;
  span.end_unix_ns = span.start_unix_ns + length_ns;
  span.attributes.push_back({"tacit.phase.source", std::string(name_of(phase.source))});
  if (!phase.complete) span.attributes.push_back({"tacit.outcome", std::string("unknown")});
  if (phase.kind == PhaseKind::kStep)
    span.attributes.push_back({"tacit.training.step", static_cast<int64_t>(phase.number)});
  if (phase.loop) add_loop(span.attributes, *phase.loop, length_ns);
  if (!phase.files.empty()) span.attributes.push_back({"tacit.training.files", phase.files});
  if (phase.file_count > phase.files.size())
    span.attributes.push_back(
        {"tacit.training.file_count", static_cast<int64_t>(phase.file_count)});
  if (phase.failure) add_failure(span, *phase.failure);
  span.attributes.push_back({"thread.id", int64_t{phase.tid}});
  return span;
}

}  // namespace tacit::gpu
