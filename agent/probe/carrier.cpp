// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/carrier.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "agent/base/fd.h"
#include "agent/base/log.h"
#include "agent/probe/cgroup_path.h"
#include "agent/probe/header_carrier.h"
#include "agent/probe/syscall_table.h"
#include "carrier.skel.h"

namespace tacit::probe {
namespace {

// Tasks and threads whose trace is known at a time, some 100 bytes each.
constexpr uint32_t kMaxContexts = 32768;
constexpr uint32_t kMaxClaims = 4096;

constexpr std::array<const char*, CARRIER_OUTCOME_COUNT> kOutcomes = {
    "written",    "arrived",   "no_context", "no_room", "not_at_start", "injected",
    "own_header", "not_whole", "not_plain",  "busy",    "failed"};

struct DestroyLink {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, DestroyLink>;

struct DestroySkeleton {
  void operator()(carrier_bpf* skeleton) const { carrier_bpf__destroy(skeleton); }
};

std::string reason(int error) { return std::strerror(error < 0 ? -error : error); }

}  // namespace

struct Carrier::Parts {
  std::unique_ptr<carrier_bpf, DestroySkeleton> skeleton;
  std::unique_ptr<HeaderCarrier> header;  // null: not asked for, or not possible
  bool option = false;                    // asked for
  std::map<std::string, std::vector<Link>> cgroups;  // by path
  int cpus = libbpf_num_possible_cpus();
  Result<void> load_header(const CanaryVerdict& canary, const Share& share);
};

Carrier::Carrier(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Carrier::~Carrier() = default;

Result<std::unique_ptr<Carrier>> Carrier::load(unsigned carries, const Share& share) {
  auto parts = std::make_unique<Parts>();
  parts->option = (carries & CARRIES_OPTION) != 0;
  CanaryVerdict canary;
  if ((carries & CARRIES_HEADER) != 0) {
    canary = try_header_canary();
    if (canary.reach == HeaderReach::kNone) {
      const std::string refusal = fmt::format(
          "no traceparent header is put into requests: {}; use traces.inject: tcp", canary.flaw);
      if (!parts->option) return fail(refusal);
      log::warn(refusal);
    }
  }
  parts->skeleton.reset(carrier_bpf__open());
  if (!parts->skeleton) return fail(fmt::format("cannot open BPF probe carrier: {}", reason(errno)));
  carrier_bpf& own = *parts->skeleton;
  for (const auto& [number, kind] : syscall_table()) own.rodata->syscall_kinds[number] = kind;
  own.rodata->carries_traces = 1;
  bpf_map__set_max_entries(own.maps.trace_contexts, kMaxContexts);
  bpf_map__set_max_entries(own.maps.claimed_contexts, kMaxClaims);
  if (auto shared = share(own.obj); !shared) return std::unexpected(shared.error());
  if (const int error = carrier_bpf__load(&own); error != 0)
    return fail(fmt::format("this kernel cannot carry trace contexts to other hosts ({}); Linux "
                            "5.17 or newer can",
                            reason(error)));
  if (canary.reach == HeaderReach::kNone)
    return std::unique_ptr<Carrier>(new Carrier(std::move(parts)));
  if (auto loaded = parts->load_header(canary, share); !loaded) {
    if (!parts->option) return std::unexpected(loaded.error());
    log::warn(loaded.error().message);
  }
  return std::unique_ptr<Carrier>(new Carrier(std::move(parts)));
}

Result<void> Carrier::Parts::load_header(const CanaryVerdict& canary, const Share& share) {
  auto loaded = HeaderCarrier::load(canary.reach, [&](bpf_object* object) -> Result<void> {
    if (auto shared = share(object); !shared) return shared;
    bpf_map* own = nullptr;
    bpf_object__for_each_map(own, object) {
      const bpf_map* ours = bpf_object__find_map_by_name(skeleton->obj, bpf_map__name(own));
      if (ours == nullptr || bpf_map__is_internal(own)) continue;
      if (const int error = bpf_map__reuse_fd(own, bpf_map__fd(ours)); error != 0)
        return fail(fmt::format("cannot share BPF map {}: {}", bpf_map__name(own), reason(error)));
    }
    return {};
  });
  if (!loaded) return std::unexpected(loaded.error());
  header = std::move(*loaded);
  if (canary.reach == HeaderReach::kFirstRequest)
    log::warn(fmt::format("a traceparent header is put into the first request of each connection "
                          "only: {}; traces.inject: all carries the others to agents, in a TCP "
                          "option",
                          canary.flaw));
  return {};
}

Result<void> Carrier::attach() {
  carrier_bpf& own = *parts_->skeleton;
  own.links.carrier_sys_enter = bpf_program__attach(own.progs.carrier_sys_enter);
  if (own.links.carrier_sys_enter != nullptr)
    own.links.carrier_sys_exit = bpf_program__attach(own.progs.carrier_sys_exit);
  if (own.links.carrier_sys_exit == nullptr)
    return fail(fmt::format("cannot attach BPF probe carrier: {}", reason(errno)));
  return {};
}

bpf_object* Carrier::object() const { return parts_->skeleton->obj; }

std::vector<std::pair<std::string, int>> Carrier::programs() const {
  std::vector<std::pair<std::string, int>> found;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object())
      found.emplace_back(bpf_program__name(program), bpf_program__fd(program));
  if (parts_->header)
    bpf_object__for_each_program(program, parts_->header->object())
        found.emplace_back(bpf_program__name(program), bpf_program__fd(program));
  return found;
}

Result<void> Carrier::attach_to_cgroup_of(uint32_t pid) {
  const auto path = cgroup_of(pid);
  if (!path) return std::unexpected(path.error());
  if (parts_->cgroups.contains(*path)) return {};
  if (*path == "/")
    return fail(fmt::format("process {} is in the root cgroup, which holds everybody: its requests "
                            "carry no context; start it under `tacit exec` or in a unit or container",
                            pid));
  const auto mount = cgroup_mount();
  if (!mount) return std::unexpected(mount.error());
  const std::string directory = *mount + *path;
  const Fd cgroup(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!cgroup.valid())
    return fail(fmt::format("cannot open the cgroup {}: {}", log::escape(directory), reason(errno)));
  std::vector<bpf_program*> programs;
  if (parts_->option) programs.push_back(parts_->skeleton->progs.carrier_option);
  if (parts_->header) programs.push_back(parts_->header->socket_program());
  std::vector<Link> links;
  for (bpf_program* program : programs) {
    links.emplace_back(bpf_program__attach_cgroup(program, cgroup.get()));
    if (!links.back())
      return fail(fmt::format("cannot carry trace contexts in the cgroup {}: {}",
                              log::escape(directory), reason(errno)));
  }
  parts_->cgroups.emplace(*path, std::move(links));
  return {};
}

void Carrier::trace(uint32_t pid, const traced_process& process) {
  traced_process known = process;
  if (!parts_->option) known.carries &= static_cast<uint8_t>(~CARRIES_OPTION);
  if (!parts_->header) known.carries &= static_cast<uint8_t>(~CARRIES_HEADER);
  if (known.carries != 0)
    if (auto attached = attach_to_cgroup_of(pid); !attached) {
      known.carries = 0;
      const bool is_gone = ::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH;
      if (!is_gone && complaints_.insert(attached.error().message).second)
        log::warn(attached.error().message);
    }
  bpf_map_update_elem(bpf_map__fd(parts_->skeleton->maps.traced_processes), &pid, &known, BPF_ANY);
}

void Carrier::set_program_trace(uint32_t pid, const std::optional<program_trace>& trace) {
  const int map = bpf_map__fd(parts_->skeleton->maps.program_traces);
  if (trace)
    bpf_map_update_elem(map, &pid, &*trace, BPF_ANY);
  else
    bpf_map_delete_elem(map, &pid);
}

void Carrier::forget(uint32_t pid) {
  bpf_map_delete_elem(bpf_map__fd(parts_->skeleton->maps.traced_processes), &pid);
  bpf_map_delete_elem(bpf_map__fd(parts_->skeleton->maps.program_traces), &pid);
}

std::vector<std::pair<const char*, uint64_t>> Carrier::outcomes() const {
  std::vector<std::pair<const char*, uint64_t>> figures;
  for (uint32_t outcome = 0; outcome < CARRIER_OUTCOME_COUNT; ++outcome) {
    std::vector<uint64_t> per_cpu(static_cast<size_t>(parts_->cpus));
    uint64_t count = 0;
    if (bpf_map_lookup_elem(bpf_map__fd(parts_->skeleton->maps.carrier_outcomes), &outcome,
                            per_cpu.data()) == 0)
      for (const uint64_t figure : per_cpu) count += figure;
    figures.emplace_back(kOutcomes[outcome], count);
  }
  return figures;
}

}  // namespace tacit::probe
