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
#include "agent/semantics/connect_failure.h"

namespace tacit::pipeline {
namespace {

// ProcessKey counts in clock ticks; USER_HZ is 100 on every architecture we build for.
constexpr uint64_t kNsPerTick = 10'000'000;
constexpr char kPlainScheme[] = "http";
constexpr uint64_t kSweepNs = 5'000'000'000;
constexpr uint64_t kSweepsPerVerification = 12;  // a lost exit event is noticed in a minute

metrics::RequestSample sample_of(const semantics::HttpCall& call) {
  return {.server = call.kind == telemetry::SpanKind::kServer,
          .method = call.method,
          .scheme = call.scheme,
          .route = call.route,
          .status = call.status,
          .error_type = call.error_type,
          .protocol_version = call.protocol_version,
          .server_address = call.server_address,
          .server_port = call.server_port,
          .duration_ns = call.duration_ns,
          .request_body_bytes = call.request_body_bytes,
          .response_body_bytes = call.response_body_bytes};
}

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
      carrying_(tracing_ && rooms_.config.inject != config::TraceCarrier::kNone),
      http_options_{rooms_.config.http_request_headers, rooms_.config.http_response_headers},
      connections_(http_options_, rooms_.probes, *this),
      failed_connects_([this](const FailedConnect& failed) { report_failed_connect(failed); }),
      outlet_(rooms_.correlator, rooms_.exporters),
      programs_(rooms_.correlator, rooms_.command_pid,
                [this](const EndedProgram& ended) { report_program(ended); }),
      training_({rooms_.processes, rooms_.resources, rooms_.correlator, rooms_.samplers,
                 rooms_.training, gpu_failures_, rooms_.probes, rooms_.kernels,
                 training_emitter()},
                rooms_.config.gpu_step_spans),
      request_kernels_(rooms_.kernels),
      wall_offset_ns_(rooms_.wall_offset_ns.value_or(wall_offset_ns())) {}

TrainingTraces::Emit Pipeline::training_emitter() {
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
  now_ns_ = data.raw->header.time_ns;
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
    carry_traces(pid);
    inspect_soon(pid);
  }
  processes_changed_ = true;
}

void Pipeline::handle(const event::ProcessFork& fork) {
  rooms_.processes.on_fork(fork.raw->header.pid, fork.raw->child_pid,
                           fork.raw->child_start_time_ns);
  if (tracing_) programs_.forked(fork);
  carry_traces(fork.raw->child_pid);
  inspect_soon(fork.raw->child_pid, fork.raw->header.time_ns);
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
  training_.process_ended(raw.header.pid, raw.header.time_ns, 0);
  rooms_.correlator.forget_process(raw.header.pid, raw.header.time_ns);
  if (rooms_.kernels != nullptr) rooms_.kernels->exited(raw.header.pid, raw.header.time_ns);
  rooms_.probes.forget(raw.header.pid);
  begin_program(raw.header.pid, raw.header.time_ns);
  carry_traces(raw.header.pid);
  carry_program_trace(raw.header.pid);
  inspect_soon(raw.header.pid, raw.header.time_ns);
}

// What happens inside a process, where traces are made at all.
trace::ProcessWork& Pipeline::work(uint32_t pid) {
  auto& work = rooms_.correlator.work(pid);
  if (work.has_traits()) return work;
  if (const discovery::Process* process = rooms_.processes.find(pid))
    work.set_traits({.threads_started_for_work =
                         process->image->runtime == discovery::Runtime::kPython});
  return work;
}

// What its image shows tells more than its name.
void Pipeline::adapt_traits(uint32_t pid, runtime_kind runtime) {
  if (!tracing_) return;
  if (runtime == RUNTIME_LOOP) work(pid).set_traits({.calls_in_turn = true});
  if (runtime == RUNTIME_GO) work(pid).set_traits({.tasks_move = true});
}

// At the batch's end, so that a program that maps a dozen libraries is looked at once.
void Pipeline::inspect_soon(uint32_t pid, uint64_t began_ns) {
  if (rooms_.processes.find(pid) == nullptr) return;
  uint64_t& began = to_inspect_[pid];
  if (began_ns != 0) began = began_ns;
}

void Pipeline::inspect_images() {
  for (const auto& [pid, began_ns] : to_inspect_) {
    const auto found = rooms_.probes.inspect(pid);
    adapt_traits(pid, found.runtime);
    if (found.found_torch) training_.probed_late(pid, age_ns(pid, began_ns));
  }
  to_inspect_.clear();
}

// How long this program, or forked child, has run.
uint64_t Pipeline::age_ns(uint32_t pid, uint64_t began_ns) const {
  if (began_ns != 0) return monotonic_ns() - began_ns;
  const discovery::Process* process = rooms_.processes.find(pid);
  if (process == nullptr) return 0;
  const uint64_t start_ns = process->key.start_ticks * kNsPerTick;
  const uint64_t now_ns = clock_ns(CLOCK_BOOTTIME);
  return now_ns > start_ns ? now_ns - start_ns : 0;
}

// Who takes its trace to other hosts, and by which rule its traces are kept.
void Pipeline::carry_traces(uint32_t pid) {
  if (!carrying_) return;
  const discovery::Process* process = rooms_.processes.find(pid);
  if (process == nullptr) return;
  const std::string& name = process->image->service_name;
  const auto& selected = rooms_.config.inject_services;
  static_assert(static_cast<int>(config::TraceCarrier::kBoth) == (CARRIES_OPTION | CARRIES_HEADER));
  const bool is_selected = std::find(selected.begin(), selected.end(), name) != selected.end();
  const auto rule = rooms_.samplers.of(name).rule();
  rooms_.probes.trace(
      pid, {.keep_below = rule.below,
            .keep_all = rule.always,
            .parent_based = rule.parent_based,
            .carries = is_selected ? static_cast<uint8_t>(rooms_.config.inject) : uint8_t{0},
            .pad = {}});
}

void Pipeline::carry_program_trace(uint32_t pid) {
  if (!carrying_) return;
  const auto trace = rooms_.correlator.program_trace(pid);
  if (!trace) return;
  ::program_trace own{};
  std::copy(trace->trace_id.begin(), trace->trace_id.end(), own.trace_id);
  own.sampled = trace->flags & 1;
  rooms_.probes.set_program_trace(pid, own);
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
  to_inspect_.erase(header.pid);
  processes_changed_ = true;
}

void Pipeline::handle(const event::SocketListen& listen) {
  programs_.serves(listen.raw->header.pid, listen.raw->header.time_ns);
  if (carrying_) rooms_.probes.set_program_trace(listen.raw->header.pid, std::nullopt);
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

void Pipeline::handle(const event::ImageMapped& mapped) { inspect_soon(mapped.raw->header.pid); }

// The resource of the process that served or sent this exchange; kept while it stays the same.
bool Pipeline::resolve(TrackedConnection& connection, uint32_t pid) {
  const discovery::Process* process = rooms_.processes.resolve(pid);
  if (process == nullptr) return false;
  if (connection.resource_key == process->revision && connection.resource) return true;
  connection.resource = rooms_.resources.resource_for(*process);
  connection.resource_key = process->revision;
  connection.service_key = std::hash<std::string>{}(connection.resource->service_name);
  return true;
}

void Pipeline::count_active(TrackedConnection& connection, const protocol::HttpExchange& exchange,
                            int change) {
  metrics::RequestSample sample;
  sample.method = semantics::known_method(exchange.method);
  sample.scheme = kPlainScheme;
  rooms_.metrics.add_active(sample, *connection.active_resource, change);
  connection.active_requests += static_cast<uint32_t>(change);
}

void Pipeline::on_request(TrackedConnection& connection, protocol::HttpExchange& exchange) {
  place_in_trace(connection, exchange);
  if (exchange.role != connection::Role::kServer) return;
  request_kernels_.began(exchange.place.get(), exchange.request_actor.pid,
                         exchange.request_actor.tid, exchange.request_first_ns);
  if (connection.active_requests == 0) {
    if (!resolve(connection, exchange.request_actor.pid)) return;
    connection.active_resource = connection.resource;
  }
  count_active(connection, exchange, 1);
}

void Pipeline::place_in_trace(TrackedConnection& connection, protocol::HttpExchange& exchange) {
  if (!tracing_ || exchange.role == connection::Role::kUnknown) return;
  const uint32_t pid = exchange.request_actor.pid;
  if (!resolve(connection, pid)) return;
  work(pid);  // its traits
  const auto& sampler = rooms_.samplers.of(connection.resource->service_name);
  const trace::Route route{.endpoints = connection.endpoints,
                           .socket_id = connection.socket_id,
                           .peer_socket_id = connection.peer_socket_id,
                           .origin_ns = connection.origin_ns,
                           .opener = std::exchange(connection.opener, {})};
  if (exchange.role == connection::Role::kClient) {
    connection.sent = rooms_.correlator.sent(exchange, route, sampler, exchange.request_first_ns);
    exchange.place = connection.sent;
    return;
  }
  programs_.serves(pid, exchange.request_first_ns);
  connection.served = rooms_.correlator.served(exchange, route, sampler, now_ns_);
  exchange.place = connection.served;
}

// An end without a (whole) response may only look like one where records were lost meanwhile.
void Pipeline::doubt_ending(protocol::HttpExchange& exchange) const {
  if (exchange.outcome == protocol::Outcome::kComplete ||
      exchange.request_first_ns > last_loss_ns_)
    return;
  exchange.outcome = protocol::Outcome::kUnknown;
  exchange.error_number = 0;
  exchange.response_body_known = false;
}

void Pipeline::on_exchange(TrackedConnection& connection, protocol::HttpExchange& exchange) {
  ++counted_.exchanges;
  const auto kernels = request_kernels_.over(exchange.place.get(), exchange.end_ns);
  doubt_ending(exchange);
  if (exchange.role == connection::Role::kServer && connection.active_requests > 0)
    count_active(connection, exchange, -1);
  const uint32_t pid =
      exchange.request_actor.pid != 0 ? exchange.request_actor.pid : connection.last_pid;
  if (!resolve(connection, pid)) {
    ++counted_.without_process;
    return;
  }
  const auto call =
      rooms_.semantics.describe(exchange, connection.endpoints, connection.service_key);
  if (call.kind != telemetry::SpanKind::kInternal)  // a side that could not be told has no metric
    rooms_.metrics.observe(sample_of(call), *connection.resource);
  ++counted_.spans[static_cast<size_t>(call.kind)];
  if (!tracing_) return;
  if (!exchange.place) place_in_trace(connection, exchange);  // its process was not known before
  const auto place = std::static_pointer_cast<trace::Place>(std::exchange(exchange.place, nullptr));
  if (!place) {
    ++counted_.unplaced;
    return;
  }
  rooms_.correlator.over(place, exchange);
  if (outlet_.is_unwanted(*place, now_ns_)) return request_kernels_.drop(kernels);
  auto span = rooms_.semantics.make_span(call, exchange, connection.endpoints, wall_offset_ns_);
  if (place->source == trace::ParentSource::kTraceparent || place->header)
    span.trace_state = trace::valid_tracestate(exchange.tracestate);
  if (connection.failed_attempts != 0)
    span.attributes.push_back({"tacit.connect.failed_attempts",
                               int64_t{std::exchange(connection.failed_attempts, 0)}});
  gpu_failures_.describe_request(span, *place, wall_offset_ns_);
  emit(std::move(span), place, pid, connection.resource, kernels);
}

void Pipeline::report_failed_connect(const FailedConnect& failed) {
  const discovery::Process* process = rooms_.processes.resolve(failed.actor.pid);
  if (process == nullptr) {
    ++counted_.without_process;
    return;
  }
  ++counted_.failed_connects;
  if (!tracing_ || !failed.place) return;
  auto span = semantics::describe_connect_failure(failed.endpoints, failed.error_number,
                                                  failed.begin_ns, failed.end_ns, wall_offset_ns_);
  emit(std::move(span), failed.place, failed.actor.pid, rooms_.resources.resource_for(*process));
}

void Pipeline::report_program(const EndedProgram& ended) {
  const discovery::Process* process = rooms_.processes.resolve(ended.pid);
  if (process == nullptr || !tracing_) return;
  auto span = program_span(ended, wall_offset_ns_);
  gpu_failures_.describe(span, ended.pid, ended.begin_ns, ended.end_ns,
                         ended.wait_status.value_or(0) != 0, wall_offset_ns_);
  emit(std::move(span), ended.place, ended.pid, rooms_.resources.resource_for(*process));
}

void Pipeline::emit(telemetry::Span span, const trace::PlacePtr& place, uint32_t pid,
                    const telemetry::ResourcePtr& resource, gpu::WindowId kernels) {
  span.resource = resource;
  span.attributes.push_back({"process.pid", int64_t{pid}});
  if (kernels == gpu::kNoWindow) return outlet_.add(std::move(span), place, now_ns_);
  outlet_.add(std::move(span), place, now_ns_,
              [this, kernels](telemetry::Span& waiting, uint64_t now_ns, bool force) {
                return request_kernels_.complete(waiting, kernels, now_ns, force);
              });
}

void Pipeline::on_batch_begin(uint64_t now_ns) {
  if (!std::exchange(knows_running_, true))
    for (const discovery::Process* process : rooms_.processes.running()) {
      carry_traces(process->pid());
      inspect_soon(process->pid());
    }
  const uint64_t lost = rooms_.probes.lost_events();
  if (std::exchange(lost_events_, lost) != lost) last_loss_ns_ = now_ns;
  const uint64_t lost_tasks = rooms_.probes.lost_task_events();
  if (std::exchange(lost_task_events_, lost_tasks) != lost_tasks) rooms_.correlator.forget_tasks();
}

void Pipeline::on_batch_end(uint64_t now_ns) {
  now_ns_ = now_ns;
  inspect_images();
  training_.tick(now_ns, wall_offset_ns_);
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
  if (!rooms_.wall_offset_ns) wall_offset_ns_ = wall_offset_ns();
}

void Pipeline::publish(uint64_t now_ns) {
  constexpr uint64_t kPublishNs = 200'000'000;
  if (now_ns < next_publish_ns_) return;
  next_publish_ns_ = now_ns + kPublishNs;
  if (std::exchange(processes_changed_, false)) {
    std::vector<metrics::ObservedProcess> observed;
    for (const discovery::Process* process : rooms_.processes.running())
      observed.push_back({.pid = process->pid(),
                          .start_time_ns = process->key.start_ticks * kNsPerTick,
                          .resource = rooms_.resources.resource_for(*process)});
    counted_.followed_processes = observed.size();
    rooms_.metrics.set_processes(std::move(observed));
  }
  counted_.refused_processes = rooms_.processes.refused();
  counted_.refused_training_runs = training_.refused();
  counted_.connections = connections_.size();
  counted_.connection = connections_.counters();
  counted_.http = connections_.http_counters();
  counted_.parents = rooms_.correlator.counts();
  counted_.held_spans = outlet_.waiting();
  counted_.outlet = outlet_.counters();
  const std::scoped_lock lock(mutex_);
  published_ = counted_;
}

void Pipeline::finish(uint64_t now_ns) {
  now_ns_ = now_ns;
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
