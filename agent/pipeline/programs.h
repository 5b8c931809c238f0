// SPDX-License-Identifier: Apache-2.0
// Programs as spans: a command-line program, from exec to exit, is the parent of the requests it
// makes. A program that listens or serves is a server, and no parent: what it does without being
// asked are roots. Loop thread.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "agent/event/event.h"
#include "agent/telemetry/span.h"
#include "agent/trace/correlator.h"
#include "agent/trace/sampler.h"

namespace tacit::pipeline {

struct ProgramName {
  std::string shown;       // low cardinality: the script's where an interpreter runs one
  std::string executable;  // base name of the file
};

// A program that is over, or found to be a server, and has something to show.
struct EndedProgram {
  trace::PlacePtr place;
  uint32_t pid = 0;
  ProgramName name;
  uint64_t begin_ns = 0;  // CLOCK_MONOTONIC
  uint64_t end_ns = 0;
  std::optional<uint32_t> wait_status;  // none: it began to serve, or the agent stopped first
};

// Its exit code, as a shell reports it, and what follows from it: other than 0 is an error.
// https://opentelemetry.io/docs/specs/semconv/cli/cli-spans/
void describe_exit(telemetry::Span& span, uint32_t wait_status);

class Programs {
 public:
  // `correlator` outlives it. `ended` gets each program that was a parent, that a request started,
  // or that is `command_pid`'s (0: none).
  Programs(trace::Correlator& correlator, uint32_t command_pid,
           std::function<void(EndedProgram)> ended);

  void forked(const event::ProcessFork& fork);
  // `environment`: TRACEPARENT there.
  void executed(uint32_t pid, uint64_t time_ns, ProgramName name,
                const std::optional<trace::TraceContext>& environment,
                const trace::Sampler& sampler);
  // It listens, or answers requests.
  void serves(uint32_t pid, uint64_t time_ns);
  void exited(uint32_t pid, uint64_t time_ns, uint32_t wait_status);
  // The agent stops: what still runs ends as far as anybody can say.
  void finish(uint64_t now_ns);

 private:
  struct Program {
    trace::PlacePtr place;
    uint32_t pid = 0;
    ProgramName name;
    uint64_t begin_ns = 0;
    bool wanted = false;  // shown even where it was nobody's parent
  };
  using ProgramPtr = std::shared_ptr<Program>;

  void end(const ProgramPtr& program, uint64_t time_ns, std::optional<uint32_t> wait_status);
  void leave(uint32_t pid);

  trace::Correlator& correlator_;
  const uint32_t command_pid_;
  std::function<void(EndedProgram)> ended_;
  std::unordered_map<uint32_t, ProgramPtr> by_pid_;  // forked children share their parent's
  std::unordered_map<uint32_t, trace::Finding> starters_;  // requests that forked, until the exec
};

// Span of an ended program after OpenTelemetry's conventions for CLI programs; no ids, no resource.
telemetry::Span program_span(const EndedProgram& program, int64_t wall_offset_ns);

}  // namespace tacit::pipeline
