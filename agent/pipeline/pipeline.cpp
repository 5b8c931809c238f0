// SPDX-License-Identifier: Apache-2.0
#include "agent/pipeline/pipeline.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <functional>
#include <limits>
#include <utility>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/event/decode.h"
#include "agent/pipeline/actor_of.h"
#include "agent/pipeline/work_of.h"
#include "agent/semantics/connect_failure.h"

namespace tacit::pipeline {
namespace {

constexpr uint64_t kSweepNs = 5'000'000'000;
constexpr uint64_t kSweepsPerVerification = 12;  // a lost exit event is noticed in a minute

std::string executable_name(const discovery::ProcessImage& image) {
  std::string name = image.exe.substr(image.exe.rfind('/') + 1);
  return name.empty() ? image.comm : name;
}

FailedConnect failed_connect(const event::ConnectFailed& failed) {
  const auto& raw = *failed.raw;
  return {.endpoints = make_endpoints(raw.endpoints, failed.unix_path),
          .actor = actor_of(raw),
          .error_number = raw.error,
          .begin_ns = raw.begin_time_ns,
          .end_ns = raw.header.time_ns,
          .place = nullptr};
}

}  // namespace

Pipeline::Pipeline(Rooms rooms)
    : rooms_(std::move(rooms)),
      tracing_(!rooms_.exporters.empty()),
      http_options_{rooms_.config.http_request_headers, rooms_.config.http_response_headers},
      connections_(http_options_, rooms_.probes, http_),
      failed_connects_([this](const FailedConnect& failed) { report_failed_connect(failed); }),
      outlet_(rooms_.correlator, rooms_.exporters),
      programs_(rooms_.correlator, rooms_.command_pid,
                [this](const EndedProgram& ended) { report_program(ended); }),
      training_({rooms_.processes, rooms_.resources, rooms_.correlator, rooms_.samplers,
                 rooms_.training, gpu_failures_, rooms_.probes, rooms_.kernels,
                 emitter()},
                rooms_.config.gpu_step_spans),
      request_kernels_(rooms_.kernels),
      inspections_(rooms_.probes, rooms_.processes,
                   [this](uint32_t pid, const probe::Inspection& found, uint64_t age_ns) {
                     adapt_traits(pid, found.runtime);
                     if (found.found_torch) training_.probed_late(pid, age_ns);
                   }),
      carriers_({rooms_.config, rooms_.probes, rooms_.processes, rooms_.correlator, rooms_.samplers},
                tracing_),
      http_({rooms_.processes, rooms_.resources, rooms_.semantics, rooms_.correlator,
             rooms_.samplers, rooms_.metrics, programs_, gpu_failures_, request_kernels_, outlet_,
             moment_, emitter()}) {
  moment_.wall_offset_ns = rooms_.wall_offset_ns.value_or(wall_offset_ns());
}

EmitSpan Pipeline::emitter() {
  if (!tracing_) return nullptr;
  return [this](telemetry::Span span, const trace::PlacePtr& place, uint32_t pid,
                const telemetry::ResourcePtr& resource, gpu::WindowId kernels) {
    emit(std::move(span), place, pid, resource, kernels);
  };
}

void Pipeline::on_record(std::span<const std::byte> record) {
  const auto decoded = event::decode(record);
  if (!decoded) {
    ++counted_.undecodable;
    return;
  }
  ++counted_.events[static_cast<uint8_t>(record[offsetof(event_header, type)])];
  std::visit([this](const auto& event) { handle(event); }, *decoded);
}

void Pipeline::handle(const event::Data& data) {
  moment_.now_ns = data.raw->header.time_ns;
  TrackedConnection* connection = connections_.data(data);
  if (connection == nullptr || data.raw->direction != DATA_RECEIVE) return;
  if (connection->served && connection->served->open)
    work(data.raw->header.pid).received(connection->served, actor_of(*data.raw));
  if (connection->sent)
    work(data.raw->header.pid).answer_read(connection->sent, actor_of(*data.raw));
}

void Pipeline::handle(const event::SocketOpen& open) {
  TrackedConnection* made = connections_.open(open);
  if (made != nullptr && made->endpoints.role == connection::Role::kClient)
    made->failed_attempts = failed_connects_.absorb(made->endpoints, open.raw->header.pid,
                                                    open.raw->header.time_ns);
  if (tracing_ && made != nullptr && made->endpoints.role == connection::Role::kClient &&
      made->endpoints.remote.port == trace::SdkPresence::kOtlpGrpcPort)
    rooms_.correlator.sdks().exported(open.raw->header.pid);
}

void Pipeline::handle(const event::SocketClose& close) { connections_.close(close); }

void Pipeline::handle(const event::ConnectFailed& failed) {
  FailedConnect made = failed_connect(failed);
  if (FailedConnects::ignores(made)) return;
  if (tracing_) {
    const discovery::Process* process = rooms_.processes.resolve(made.actor.pid);
    if (process != nullptr)
      made.place = rooms_.correlator.failed(
          made.actor, rooms_.samplers.of(process->image->service_name), made.begin_ns);
  }
  failed_connects_.add(std::move(made));
}

void Pipeline::obey(const discovery::Verdict& verdict, uint32_t pid) {
  if (verdict.unfollow) {
    rooms_.probes.unfollow(pid);
    rooms_.probes.forget(pid);
  }
  if (verdict.follow) {
    if (auto followed = rooms_.probes.follow(pid); !followed) log::warn(followed.error().message);
    carriers_.tell(pid);
    inspections_.ask(pid);
  }
  processes_changed_ = true;
}

void Pipeline::handle(const event::ProcessFork& fork) {
  rooms_.processes.on_fork(fork.raw->header.pid, fork.raw->child_pid,
                           fork.raw->child_start_time_ns);
  if (tracing_) programs_.forked(fork);
  carriers_.tell(fork.raw->child_pid);
  inspections_.ask(fork.raw->child_pid, fork.raw->header.time_ns);
  processes_changed_ = true;
}

void Pipeline::handle(const event::ProcessExec& exec) {
  const auto& raw = *exec.raw;
  obey(rooms_.processes.on_exec({.pid = raw.header.pid,
                                 .parent_pid = raw.parent_pid,
                                 .start_time_ns = raw.start_time_ns,
                                 .args = exec.args,
                                 .args_total = raw.args_total,
                                 .environment = exec.env,
                                 .environment_total = raw.env_total,
                                 .comm = {raw.comm, ::strnlen(raw.comm, sizeof(raw.comm))},
                                 .followed = raw.followed != 0}),
       raw.header.pid);
  training_.process_ended(raw.header.pid, raw.header.time_ns, std::nullopt);
  rooms_.correlator.forget_process(raw.header.pid, raw.header.time_ns);
  if (rooms_.kernels != nullptr) rooms_.kernels->exited(raw.header.pid, raw.header.time_ns);
  rooms_.probes.forget(raw.header.pid);
  begin_program(raw.header.pid, raw.header.time_ns);
  carriers_.tell(raw.header.pid);
  carriers_.tell_program(raw.header.pid);
  inspections_.ask(raw.header.pid, raw.header.time_ns);
}

trace::ProcessWork& Pipeline::work(uint32_t pid) {
  return work_of(rooms_.correlator, rooms_.processes, pid);
}

// What its image shows tells more than its name.
void Pipeline::adapt_traits(uint32_t pid, runtime_kind runtime) {
  if (!tracing_) return;
  if (runtime == RUNTIME_LOOP) work(pid).set_traits({.calls_in_turn = true});
  if (runtime == RUNTIME_GO) work(pid).set_traits({.tasks_move = true});
}

void Pipeline::handle(const event::TraceIds& ids) {
  const auto& raw = *ids.raw;
  const auto request = trace::RequestKey::make(make_endpoints(raw.endpoints, {}), 0, 0, raw.position);
  if (!request) return;
  trace::TraceContext context;
  std::copy(std::begin(raw.trace_id), std::end(raw.trace_id), context.trace_id.begin());
  std::copy(std::begin(raw.span_id), std::end(raw.span_id), context.span_id.begin());
  context.flags = raw.sampled & 1;
  using Kind = trace::GivenIds::Kind;
  const Kind kind = raw.kind == TRACE_IDS_BEGUN  ? Kind::kBegun
                    : raw.kind == TRACE_IDS_CALL ? Kind::kCall
                                                 : Kind::kArrived;
  rooms_.correlator.give(kind, *request, context);
}

void Pipeline::handle(const event::GpuBatch& batch) {
  if (rooms_.kernels == nullptr) return;
  const discovery::Process* process = rooms_.processes.resolve(batch.raw->header.pid);
  if (process == nullptr) {
    ++counted_.without_process;
    return;
  }
  rooms_.kernels->on_batch(batch, rooms_.resources.resource_for(*process));
}

void Pipeline::handle(const event::CudaFailure& failure) {
  if (!tracing_) return;
  const auto& raw = *failure.raw;
  gpu_failures_.add({.pid = raw.header.pid,
                     .tid = raw.header.tid,
                     .time_ns = raw.header.time_ns,
                     .begin_ns = raw.begin_ns,
                     .call = raw.call,
                     .code = raw.code,
                     .bytes = raw.bytes},
                    work(raw.header.pid).started_by(actor_of(raw)).request);
}

void Pipeline::begin_program(uint32_t pid, uint64_t time_ns) {
  const discovery::Process* process = rooms_.processes.find(pid);
  if (process == nullptr || !tracing_) return;
  const discovery::ProcessImage& image = *process->image;
  const std::string executable = executable_name(image);
  const auto names_it = [](const std::string& arg) {
    return arg.find("opentelemetry") != std::string::npos;
  };
  if (image.environment.loads_opentelemetry ||
      std::any_of(image.args.begin(), image.args.end(), names_it))
    rooms_.correlator.sdks().suspect(pid, time_ns);
  // What an interpreter runs tells more than its own name.
  const bool is_script = image.runtime != discovery::Runtime::kUnknown;
  programs_.executed(pid, time_ns, {is_script ? image.service_name : executable, executable},
                     trace::parse_traceparent(image.environment.traceparent),
                     rooms_.samplers.of(image.service_name));
}

void Pipeline::handle(const event::ProcessExit& exit) {
  const auto& header = exit.raw->header;
  training_.process_ended(header.pid, header.time_ns, exit.raw->exit_code);
  rooms_.processes.on_exit(header.pid, exit.raw->start_time_ns, exit.raw->exit_code,
                           header.time_ns);
  connections_.process_exited(header.pid, header.time_ns);
  programs_.exited(header.pid, header.time_ns, exit.raw->exit_code);
  gpu_failures_.forget(header.pid);
  rooms_.correlator.forget_process(header.pid, header.time_ns);
  rooms_.correlator.sdks().exited(header.pid);
  if (rooms_.kernels != nullptr) rooms_.kernels->exited(header.pid, header.time_ns);
  rooms_.probes.forget(header.pid);
  inspections_.forget(header.pid);
  processes_changed_ = true;
}

void Pipeline::handle(const event::SocketListen& listen) {
  programs_.serves(listen.raw->header.pid, listen.raw->header.time_ns);
  carriers_.forget_program(listen.raw->header.pid);
  obey(rooms_.processes.on_listen(listen.raw->header.pid, listen.raw->port),
       listen.raw->header.pid);
}

void Pipeline::handle(const event::ThreadStart& start) {
  if (!tracing_) return;
  const auto& raw = *start.raw;
  work(raw.header.pid).thread_started(actor_of(raw), raw.child_tid);
}

void Pipeline::handle(const event::ThreadEnd& end) {
  const auto& header = end.raw->header;
  training_.thread_ended(header.pid, header.tid);
  if (tracing_) work(header.pid).thread_ended(header.tid, header.time_ns);
}

void Pipeline::handle(const event::TaskStart& start) {
  if (!tracing_) return;
  const auto& raw = *start.raw;
  work(raw.header.pid)
      .task_started({raw.header.pid, raw.header.tid, raw.parent, raw.turn}, raw.parent, raw.child,
                    raw.header.time_ns);
}

void Pipeline::handle(const event::TaskEnter& enter) {
  if (!tracing_) return;
  const auto& raw = *enter.raw;
  work(raw.header.pid)
      .task_entered({raw.header.pid, raw.header.tid, raw.task.task, raw.task.turn});
}

void Pipeline::handle(const event::Work& work) {
  if (!tracing_) return;
  const auto& raw = *work.raw;
  auto& process = this->work(raw.header.pid);
  if (raw.action == WORK_GIVE)
    process.work_given(actor_of(raw), raw.work);
  else
    process.work_taken(raw.header.tid, raw.work);
}

void Pipeline::handle(const event::SocketClaim& claim) {
  if (!tracing_) return;
  const auto& raw = *claim.raw;
  work(raw.header.pid).socket_claimed(actor_of(raw), raw.socket_id);
}

void Pipeline::handle(const event::Training& training) { training_.on(training); }

void Pipeline::handle(const event::File& file) { training_.on(file); }

void Pipeline::handle(const event::ImageMapped& mapped) { inspections_.ask(mapped.raw->header.pid); }

void Pipeline::report_failed_connect(const FailedConnect& failed) {
  const discovery::Process* process = rooms_.processes.resolve(failed.actor.pid);
  if (process == nullptr) {
    ++counted_.without_process;
    return;
  }
  ++counted_.failed_connects;
  if (!tracing_ || !failed.place) return;
  auto span = semantics::describe_connect_failure(failed.endpoints, failed.error_number,
                                                  failed.begin_ns, failed.end_ns, moment_.wall_offset_ns);
  emit(std::move(span), failed.place, failed.actor.pid, rooms_.resources.resource_for(*process));
}

void Pipeline::report_program(const EndedProgram& ended) {
  const discovery::Process* process = rooms_.processes.resolve(ended.pid);
  if (process == nullptr || !tracing_) return;
  auto span = program_span(ended, moment_.wall_offset_ns);
  gpu_failures_.describe(span, ended.pid, ended.begin_ns, ended.end_ns,
                         ended.wait_status.value_or(0) != 0, moment_.wall_offset_ns);
  emit(std::move(span), ended.place, ended.pid, rooms_.resources.resource_for(*process));
}

void Pipeline::emit(telemetry::Span span, const trace::PlacePtr& place, uint32_t pid,
                    const telemetry::ResourcePtr& resource, gpu::WindowId kernels) {
  span.resource = resource;
  span.attributes.push_back({"process.pid", int64_t{pid}});
  if (kernels == gpu::kNoWindow) return outlet_.add(std::move(span), place, moment_.now_ns);
  outlet_.add(std::move(span), place, moment_.now_ns,
              [this, kernels](telemetry::Span& waiting, uint64_t now_ns, bool force) {
                return request_kernels_.complete(waiting, kernels, now_ns, force);
              });
}

void Pipeline::on_batch_begin(uint64_t now_ns) {
  if (!std::exchange(knows_running_, true))
    for (const discovery::Process* process : rooms_.processes.running()) {
      carriers_.tell(process->pid());
      inspections_.ask(process->pid());
    }
  const uint64_t lost = rooms_.probes.lost_events();
  if (std::exchange(lost_events_, lost) != lost) moment_.last_loss_ns = now_ns;
  const uint64_t lost_tasks = rooms_.probes.lost_task_events();
  if (std::exchange(lost_task_events_, lost_tasks) != lost_tasks) rooms_.correlator.forget_tasks();
}

void Pipeline::on_batch_end(uint64_t now_ns) {
  moment_.now_ns = now_ns;
  inspections_.carry_out();
  training_.tick(now_ns, moment_.wall_offset_ns);
  if (rooms_.kernels != nullptr) rooms_.kernels->tick(now_ns);
  failed_connects_.flush(now_ns);
  outlet_.settle(now_ns, false);
  outlet_.hand_out();
  if (now_ns >= next_sweep_ns_) {
    next_sweep_ns_ = now_ns + kSweepNs;
    rooms_.correlator.expire(now_ns);
    connections_.sweep(now_ns);
    rooms_.processes.sweep(now_ns);
    if (++sweeps_ % kSweepsPerVerification == 0) rooms_.processes.verify(now_ns);
  }
  publish(now_ns);
  // Once a batch: a stepped wall clock moves later spans and never stretches one.
  if (!rooms_.wall_offset_ns) moment_.wall_offset_ns = wall_offset_ns();
}

void Pipeline::publish(uint64_t now_ns) {
  constexpr uint64_t kPublishNs = 200'000'000;
  if (now_ns < next_publish_ns_) return;
  next_publish_ns_ = now_ns + kPublishNs;
  if (std::exchange(processes_changed_, false)) {
    std::vector<metrics::ObservedProcess> observed;
    for (const discovery::Process* process : rooms_.processes.running())
      observed.push_back({.pid = process->pid(),
                          .start_time_ns = process->key.start_ticks * discovery::kNsPerTick,
                          .resource = rooms_.resources.resource_for(*process)});
    counted_.followed_processes = observed.size();
    rooms_.metrics.set_processes(std::move(observed));
  }
  counted_.refused_processes = rooms_.processes.refused();
  counted_.refused_training_runs = training_.refused();
  counted_.connections = connections_.size();
  counted_.connection = connections_.counters();
  counted_.http = http_.counters();
  counted_.http1 = connections_.http_counters();
  counted_.parents = rooms_.correlator.counts();
  counted_.held_spans = outlet_.waiting();
  counted_.outlet = outlet_.counters();
  const std::scoped_lock lock(mutex_);
  published_ = counted_;
}

void Pipeline::finish(uint64_t now_ns) {
  moment_.now_ns = now_ns;
  connections_.finish(now_ns);
  failed_connects_.flush(std::numeric_limits<uint64_t>::max());
  training_.finish(now_ns);
  programs_.finish(now_ns);
  outlet_.settle(now_ns, true);
  outlet_.hand_out();
  next_publish_ns_ = 0;
  publish(now_ns);
}

PipelineFigures Pipeline::figures() const {
  const std::scoped_lock lock(mutex_);
  return published_;
}

}  // namespace tacit::pipeline
