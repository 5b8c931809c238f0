// SPDX-License-Identifier: Apache-2.0
// event_recorder FILE COMMAND…: runs a command under the probes and writes what the ring brought to
// FILE, for golden tests. Environments are left out, so that a recording can be published. Root.
#include <fmt/format.h>
#include <poll.h>

#include <csignal>
#include <cstring>
#include <set>

#include "agent/command/child_process.h"
#include "agent/probe/probe_set.h"
#include "bpf/events/process_event.h"
#include "tests/harness/recording.h"

namespace {

using namespace tacit;

void write_record(harness::RecordingWriter& writer, std::span<const std::byte> record) {
  const auto* header = reinterpret_cast<const event_header*>(record.data());
  if (header->type != EVENT_PROCESS_EXEC) return writer.write(record);
  std::vector<uint64_t> copy((record.size() + 7) / 8);
  std::memcpy(copy.data(), record.data(), record.size());
  auto* exec = reinterpret_cast<process_exec_event*>(copy.data());
  exec->env_bytes = exec->env_total = 0;
  std::memset(exec->env, 0, sizeof(exec->env));
  writer.write({reinterpret_cast<const std::byte*>(copy.data()), record.size()});
}

// Runtimes are looked into as the pipeline does, so that their tasks are in the recording.
void look_into(std::span<const std::byte> record, probe::ProbeSet& probes,
               std::set<uint32_t>& to_inspect) {
  const auto* header = reinterpret_cast<const event_header*>(record.data());
  if (header->type == EVENT_PROCESS_EXEC || header->type == EVENT_PROCESS_EXIT)
    probes.forget(header->pid);
  if (header->type == EVENT_PROCESS_EXEC || header->type == EVENT_IMAGE_MAPPED)
    to_inspect.insert(header->pid);
  if (header->type == EVENT_PROCESS_FORK)
    to_inspect.insert(reinterpret_cast<const process_fork_event*>(header)->child_pid);
  if (header->type == EVENT_PROCESS_EXIT) to_inspect.erase(header->pid);
}

int record(const char* path, std::vector<std::string> command) {
  sigset_t mask;
  ::sigprocmask(SIG_SETMASK, nullptr, &mask);
  auto child = command::ChildProcess::fork(std::move(command), mask, {});
  if (!child) return fmt::print(stderr, "{}\n", child.error().message), 1;
  auto probes = probe::ProbeSet::load({});
  if (!probes) return fmt::print(stderr, "{}\n", probes.error().message), 1;
  (void)(*probes)->follow(static_cast<uint32_t>(child->pid()));
  if (auto started = child->start(); !started)
    return fmt::print(stderr, "{}\n", started.error().message), 1;

  harness::RecordingWriter writer(path);
  auto& ring = (*probes)->ring();
  for (bool ended = false; !ended;) {
    pollfd wait{child->pid_fd(), POLLIN, 0};
    ended = ::poll(&wait, 1, 5) > 0;
    std::set<uint32_t> to_inspect;
    ring.consume(SIZE_MAX, [&](std::span<const std::byte> r) {
      look_into(r, **probes, to_inspect);
      write_record(writer, r);
    });
    for (const uint32_t pid : to_inspect) (*probes)->inspect(pid);
  }
  for (const auto& drop : (*probes)->drops())
    if (drop.count != 0) fmt::print(stderr, "lost: {} {}\n", drop.reason, drop.count);
  return child->wait();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: event_recorder FILE COMMAND…\n");
    return 2;
  }
  return record(argv[1], {argv + 2, argv + argc});
}
