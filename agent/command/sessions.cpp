// SPDX-License-Identifier: Apache-2.0
#include "agent/command/sessions.h"

#include <fmt/format.h>

#include <csignal>

#include "agent/base/log.h"

namespace tacit::command {
namespace {

void pass_on(const Signals& signals, const ChildProcess& child) {
  for (;;) {
    const auto info = signals.read();
    if (info.ssi_signo == 0) return;
    if (!came_from_terminal(info)) ::kill(child.pid(), static_cast<int>(info.ssi_signo));
  }
}

// Follows what a scan finds; again, because a process can fork between scan and following.
Result<size_t> follow_running(probe::ProbeSet& probes, discovery::ProcessTable& processes) {
  size_t count = 0;
  for (int round = 0; round < 2; ++round) {
    for (const discovery::Process* process : processes.scan()) {
      if (auto followed = probes.follow(process->pid()); !followed)
        return std::unexpected(followed.error());
      log::debug(fmt::format("observing {} (process {})",
                             log::escape(process->image->service_name), process->pid()));
      ++count;
    }
  }
  return count;
}

}  // namespace

Result<int> supervise(ChildProcess& child, const Signals& signals, pipeline::AgentLoop& loop,
                      probe::ProbeSet& probes) {
  if (auto followed = probes.follow(static_cast<uint32_t>(child.pid())); !followed)
    return std::unexpected(followed.error());
  if (auto started = child.start(); !started) {
    log::error(started.error().message);
    return child.wait();
  }
  auto watched = loop.watch(signals.fd(), [&] { pass_on(signals, child); });
  if (watched) watched = loop.watch(child.pid_fd(), [&] { loop.stop(); });
  if (!watched) return std::unexpected(watched.error());
  loop.run();
  return child.wait();
}

Result<int> observe_host(const Signals& signals, pipeline::AgentLoop& loop,
                         probe::ProbeSet& probes, discovery::ProcessTable& processes) {
  auto watched = loop.watch(signals.fd(), [&] {
    for (auto info = signals.read(); info.ssi_signo != 0; info = signals.read())
      if (info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM || info.ssi_signo == SIGQUIT)
        loop.stop();
  });
  if (!watched) return std::unexpected(watched.error());
  const auto count = follow_running(probes, processes);
  if (!count) return std::unexpected(count.error());
  log::info(fmt::format("observing {} processes; what matches later is observed from its start",
                        *count));
  loop.run();
  return 0;
}

}  // namespace tacit::command
