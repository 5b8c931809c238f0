// SPDX-License-Identifier: Apache-2.0
#include "agent/pipeline/programs.h"

#include <sys/wait.h>

#include <utility>

#include "agent/base/valid_text.h"
#include "agent/pipeline/actor_of.h"

namespace tacit::pipeline {
namespace {

constexpr size_t kMaxPrograms = 16384;  // as many as the kernel side follows

}  // namespace

Programs::Programs(trace::Correlator& correlator, uint32_t command_pid,
                   std::function<void(EndedProgram)> ended)
    : correlator_(correlator), command_pid_(command_pid), ended_(std::move(ended)) {}

void Programs::forked(const event::ProcessFork& fork) {
  const auto& raw = *fork.raw;
  trace::Finding starter = correlator_.work(raw.header.pid).started_by(actor_of(raw));
  leave(raw.child_pid);  // whoever had the number before
  if (starter.request && starters_.size() < kMaxPrograms)
    starters_.insert_or_assign(raw.child_pid, std::move(starter));
  const auto parent = by_pid_.find(raw.header.pid);
  if (parent == by_pid_.end() || by_pid_.size() >= kMaxPrograms) return;
  by_pid_.insert_or_assign(raw.child_pid, parent->second);
  correlator_.set_program(raw.child_pid, parent->second->place);
}

void Programs::executed(uint32_t pid, uint64_t time_ns, ProgramName name,
                        const std::optional<trace::TraceContext>& environment,
                        const trace::Sampler& sampler) {
  if (const auto known = by_pid_.find(pid); known != by_pid_.end() && known->second->pid == pid) {
    known->second->name = std::move(name);  // one program became another: sh -c 'exec …'
    return;
  }
  if (by_pid_.size() >= kMaxPrograms) return;
  trace::Finding starter;
  if (auto found = starters_.extract(pid); !found.empty()) starter = std::move(found.mapped());
  auto program = std::make_shared<Program>();
  program->wanted = pid == command_pid_ || starter.request;
  program->place = correlator_.program(environment, starter, sampler, time_ns);
  program->pid = pid;
  program->name = std::move(name);
  program->begin_ns = time_ns;
  correlator_.set_program(pid, program->place);
  by_pid_.insert_or_assign(pid, std::move(program));
}

void Programs::leave(uint32_t pid) {
  by_pid_.erase(pid);
  starters_.erase(pid);
  correlator_.set_program(pid, nullptr);
}

void Programs::end(const ProgramPtr& program, uint64_t time_ns,
                   std::optional<uint32_t> wait_status) {
  const bool was_parent = program->place->is_parent;
  if (!was_parent && !(program->wanted && wait_status)) return;
  ended_({program->place, program->pid, program->name, program->begin_ns, time_ns, wait_status});
}

void Programs::serves(uint32_t pid, uint64_t time_ns) {
  const auto found = by_pid_.find(pid);
  if (found == by_pid_.end()) return;
  const ProgramPtr program = found->second;
  end(program, time_ns, std::nullopt);
  std::erase_if(by_pid_, [&](const auto& entry) {
    if (entry.second != program) return false;
    correlator_.set_program(entry.first, nullptr);
    return true;
  });
}

void Programs::exited(uint32_t pid, uint64_t time_ns, uint32_t wait_status) {
  const auto found = by_pid_.find(pid);
  if (found != by_pid_.end() && found->second->pid == pid)
    end(found->second, time_ns, wait_status);
  leave(pid);
}

void Programs::finish(uint64_t now_ns) {
  for (const auto& [pid, program] : by_pid_)
    if (program->pid == pid) end(program, now_ns, std::nullopt);
  by_pid_.clear();
}

void describe_exit(telemetry::Span& span, uint32_t wait_status) {
  const int status = static_cast<int>(wait_status);
  // As a shell reports it: 128 and the signal's number.
  const int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  span.attributes.push_back({"process.exit.code", int64_t{code}});
  if (code == 0) return;
  span.status = telemetry::StatusCode::kError;
  span.status_message = WIFSIGNALED(status) ? "ended by signal " + std::to_string(WTERMSIG(status))
                                            : "exit code " + std::to_string(code);
  span.attributes.push_back({"error.type", std::to_string(code)});
}

telemetry::Span program_span(const EndedProgram& program, int64_t wall_offset_ns) {
  telemetry::Span span;
  // A process may have no name at all: an emptied comm, no arguments, a file that is gone.
  span.name = program.name.shown.empty() ? "process" : valid_utf8(program.name.shown);
  span.kind = telemetry::SpanKind::kInternal;
  span.start_unix_ns = static_cast<uint64_t>(static_cast<int64_t>(program.begin_ns) + wall_offset_ns);
  span.end_unix_ns = span.start_unix_ns +
                     (program.end_ns > program.begin_ns ? program.end_ns - program.begin_ns : 0);
  if (!program.name.executable.empty())
    span.attributes.push_back({"process.executable.name", valid_utf8(program.name.executable)});
  if (program.wait_status)
    describe_exit(span, *program.wait_status);
  else
    span.attributes.push_back({"tacit.outcome", std::string("unknown")});
  return span;
}

}  // namespace tacit::pipeline
