// SPDX-License-Identifier: Apache-2.0
// The parts list: builds every object of the agent, joins them and runs the command. The only place
// that knows concrete exporters.
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/base/clock.h"
#include "agent/base/log.h"
#include "agent/base/version.h"
#include "agent/command/child_process.h"
#include "agent/command/command_cgroup.h"
#include "agent/command/doctor.h"
#include "agent/command/housekeeping.h"
#include "agent/command/injection.h"
#include "agent/command/options.h"
#include "agent/command/sessions.h"
#include "agent/command/signals.h"
#include "agent/discovery/process_table.h"
#include "agent/enrich/resource_catalog.h"
#include "agent/gpu/training_metrics.h"
#include "agent/gpu/device/device_check.h"
#include "agent/gpu/device/device_metrics.h"
#include "agent/gpu/device/sampler_thread.h"
#include "agent/gpu/kernels/kernel_tracer.h"
#include "agent/gpu/calls.h"
#include "agent/gpu/collective_metrics.h"
#include "agent/gpu/collective_timer.h"
#include "agent/gpu/idle_allocation.h"
#include "agent/metrics/metrics.h"
#include "agent/metrics/target_table.h"
#include "agent/pipeline/agent_loop.h"
#include "agent/pipeline/health.h"
#include "agent/pipeline/pipeline.h"
#include "agent/probe/kernel_check.h"
#include "agent/probe/probe_set.h"
#include "agent/probe/process_check.h"
#include "agent/semantics/http_semantics.h"
#include "agent/trace/correlator.h"
#include "agent/trace/samplers.h"
#include "exporters/exporters.h"

namespace {

using namespace tacit;
using command::Invocation;

constexpr int kBadInvocation = 2;
constexpr int kCannotStart = 125;  // as env(1), nice(1): the tool failed, not the command
constexpr std::chrono::milliseconds kFlushDeadline{5'000};

int complain(const Error& error, int status = kCannotStart) {
  log::error(error.message);
  return status;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

void set_log_level(const std::string& name) {
  using log::Level;
  static constexpr std::pair<const char*, Level> kLevels[] = {{"debug", Level::kDebug},
                                                              {"info", Level::kInfo},
                                                              {"warn", Level::kWarn},
                                                              {"error", Level::kError},
                                                              {"off", Level::kOff}};
  for (const auto& [level_name, level] : kLevels)
    if (name == level_name) log::set_level(level);
}

discovery::SelectorSet make_selectors(const Invocation& invocation,
                                      const std::optional<command::ChildProcess>& child) {
  const auto own_pid = static_cast<uint32_t>(::getpid());
  if (!child) return {invocation.config.selectors, own_pid};
  config::Selector command;
  command.pid = child->pid();
  return {{command}, own_pid};
}

// The probes name processes as the initial pid namespace does (its inode: PROC_PID_INIT_INO,
// include/linux/proc_ns.h); elsewhere every pid would be somebody else's.
Result<void> require_initial_pid_namespace() {
  std::array<char, 64> name{};
  const ssize_t length = ::readlink("/proc/self/ns/pid", name.data(), name.size());
  if (length <= 0) return {};
  const std::string_view own(name.data(), static_cast<size_t>(length));
  if (own == "pid:[4026531836]") return {};
  return fail("this is a container with process ids of its own, so processes could not be told "
              "apart; start the agent with the host's (hostPID: true, docker --pid=host)");
}

// Exit status of `tacit doctor`: this host, and the processes that --pid names.
int diagnose(const config::Config& config) {
  auto checks = probe::check_kernel();
  for (const auto& selector : config.selectors)
    if (selector.pid > 0) checks.push_back(probe::check_process(static_cast<uint32_t>(selector.pid)));
  if (config.gpu_devices) checks.push_back(gpu::check_devices());
  return command::run_doctor(checks, config, std::cout, ::isatty(STDOUT_FILENO) == 1);
}

// Observes a command (exec) or what selectors match (run), until either ends.
Result<int> observe(const Invocation& invocation) {
  const config::Config& config = invocation.config;
  if (auto allowed = require_initial_pid_namespace(); !allowed)
    return std::unexpected(allowed.error());
  auto signals = command::Signals::block();
  if (!signals) return std::unexpected(signals.error());

  // The fork comes first, while there is one thread.
  std::optional<command::ChildProcess> child;
  if (invocation.what == Invocation::Command::kExec) {
    auto forked = command::ChildProcess::fork(invocation.command, signals->before(),
                                                command::injection_variables(config));
    if (!forked) return std::unexpected(forked.error());
    child = std::move(*forked);
  }

  const bool carries = config.inject != config::TraceCarrier::kNone;
  std::optional<command::CommandCgroup> cgroup;
  if (child && carries) {
    if (auto made = command::CommandCgroup::make(child->pid()))
      cgroup.emplace(std::move(*made));
    else
      log::warn(made.error().message + "; no trace is carried");
  }

  auto exporters = exporters::make_span_exporters(config);
  if (!exporters) return std::unexpected(exporters.error());
  auto probes = probe::ProbeSet::load({.ring_bytes = config.ring_mib << 20,
                                       .max_capture_bytes = config.max_capture_bytes,
                                       .track_causes = !exporters->empty(),
                                       .runtime_probes = config.runtime_probes,
                                       .training_probes = config.gpu_training,
                                       .cuda_probes = config.gpu_calls,
                                       .kernel_records = config.gpu_kernels,
                                       .carries = static_cast<unsigned>(config.inject),
                                       .offer_all_processes = !child});
  if (!probes) return std::unexpected(probes.error());
  for (const auto& name : (*probes)->missing())
    log::warn(fmt::format("without probe {}: `tacit doctor` tells what that costs", name));

  discovery::ProcessTable processes(discovery::ProcFs{}, make_selectors(invocation, child),
                                    config.service_name);
  enrich::ResourceCatalog resources(config, host_name(), kVersion);
  semantics::HttpSemantics semantics(config);
  const auto samplers = trace::Samplers::create(config);
  if (!samplers) return std::unexpected(samplers.error());
  trace::Correlator correlator(trace::IdGenerator{});

  std::unique_ptr<pipeline::Pipeline> pipeline;
  std::atomic<const exporters::MetricOutputs*> metric_outputs = nullptr;  // read by scrapes
  metrics::Metrics metrics(config, resources.agent_resource(), [&] {
    const auto* known = metric_outputs.load();
    auto stats = known != nullptr ? known->stats() : std::vector<telemetry::ExporterStats>{};
    for (const auto& exporter : *exporters) stats.push_back(exporter->stats());
    return pipeline::gather_figures(**probes, *pipeline, std::move(stats));
  });
  gpu::TrainingMetrics training;
  metrics.add_source(training);
  const auto& self = *resources.agent_resource();
  gpu::KernelTracer kernels({{"job", metrics::job_label(self)}, {"instance", self.instance}});
  metrics.add_source(kernels);
  const gpu::CallMetrics gpu_calls([&] { return (*probes)->cuda_counts(); },
                                   [&] { return metrics.observed_processes(); });
  if (config.gpu_calls) metrics.add_source(gpu_calls);
  gpu::CollectiveMetrics gpu_collectives([&] { return (*probes)->communicators(); },
                                         [&] { return metrics.observed_processes(); });
  if (config.gpu_calls) metrics.add_source(gpu_collectives);
  std::vector<telemetry::SpanExporter*> destinations;
  for (const auto& exporter : *exporters) destinations.push_back(exporter.get());
  pipeline = std::make_unique<pipeline::Pipeline>(
      pipeline::Pipeline::Rooms{config, **probes, processes, resources, semantics, correlator,
                                *samplers, metrics, training, destinations, std::nullopt,
                                child ? static_cast<uint32_t>(child->pid()) : 0, &kernels});
  std::optional<gpu::SamplerThread> gpu_sampler;
  if (config.gpu_devices && (config.prometheus || !config.otlp_metrics.endpoint.empty()))
    gpu_sampler.emplace();
  const gpu::DeviceMetrics gpu_devices({resources.agent_resource(), host_name(),
                                        config.gpu_dcgm_names, config.series_limit,
                                        [&] { return gpu_sampler->snapshot(); },
                                        [&] { return metrics.observed_processes(); },
                                        monotonic_ns});
  if (gpu_sampler) metrics.add_source(gpu_devices);
  const gpu::IdleAllocation gpu_idle(
      {[&] { return metrics.observed_processes(); },
       [&] { return gpu_sampler ? gpu_sampler->snapshot() : gpu::SnapshotPtr{}; },
       [&] { return (*probes)->cuda_watched(); }, [&](uint32_t pid) { return kernels.work(pid); }});
  metrics.add_source(gpu_idle);
  auto outputs = exporters::MetricOutputs::start(config, metrics);
  if (!outputs) return std::unexpected(outputs.error());
  metric_outputs = outputs->get();

  auto loop = pipeline::AgentLoop::create((*probes)->ring(), *pipeline);
  if (!loop) return std::unexpected(loop.error());
  auto housekeeping = command::Housekeeping::create(**probes, processes);
  if (!housekeeping) return std::unexpected(housekeeping.error());
  if (auto watched = loop->watch(housekeeping->fd(), [&] { housekeeping->tick(); }); !watched)
    return std::unexpected(watched.error());

  auto gpu_timer = gpu::CollectiveTimer::create(gpu_collectives);
  if (!gpu_timer) return std::unexpected(gpu_timer.error());
  if (config.gpu_calls)
    if (auto watched = loop->watch(gpu_timer->fd(), [&] { gpu_timer->tick(); }); !watched)
      return std::unexpected(watched.error());

  const auto status = child ? command::supervise(*child, *signals, *loop, **probes)
                            : command::observe_host(*signals, *loop, **probes, processes);
  loop->drain();
  pipeline->finish(monotonic_ns());
  housekeeping->warn_of_unseen();
  exporters::shutdown_all(*exporters, outputs->get(), kFlushDeadline);
  return status;
}

}  // namespace

int main(int argc, char** argv, char** environment) {
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  auto invocation = command::parse_invocation(argc, argv, environment, terminal);
  if (!invocation) return complain(invocation.error(), kBadInvocation);
  set_log_level(invocation->config.log_level);
  for (const auto& warning : invocation->warnings) log::warn(warning);
  for (const auto& note : invocation->notes) log::debug(note);
  switch (invocation->what) {
    case Invocation::Command::kHelp:
      fmt::print("{}", invocation->help);
      return 0;
    case Invocation::Command::kVersion:
      fmt::print("tacit {}\n", kVersion);
      return 0;
    case Invocation::Command::kDoctor:
      return diagnose(invocation->config);
    case Invocation::Command::kExec:
    case Invocation::Command::kRun:
      break;
  }
  if (invocation->what == Invocation::Command::kRun && invocation->config.selectors.empty())
    return complain({"nothing is selected, so nothing would be observed; name processes with "
                     "--port, --exe, --cmd, --pid, --cgroup, --container, or in the "
                     "configuration's `selectors`"},
                    kBadInvocation);
  const auto status = observe(*invocation);
  return status ? *status : complain(status.error());
}
