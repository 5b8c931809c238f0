// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/probe_set.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/base/log.h"
#include "agent/probe/carrier.h"
#include "agent/probe/cuda_counters.h"
#include "agent/probe/runtime_probes.h"
#include "agent/probe/syscall_table.h"
#include "bpf/events/drop_reason.h"
#include "bpf/events/followed_process.h"
#include "bpf/events/socket_state.h"
#include "cupti.skel.h"
#include "cuda.skel.h"
#include "go.skel.h"
#include "io_uring.skel.h"
#include "event_loop.skel.h"
#include "process.skel.h"
#include "python.skel.h"
#include "socket_state.skel.h"
#include "syscalls.skel.h"
#include "torch.skel.h"

namespace tacit::probe {
namespace {

constexpr std::array<const char*, DROP_REASON_COUNT> kReasons = {
    "ring_full_receive", "ring_full_send",   "ring_full_socket", "ring_full_process",
    "ring_full_task",    "user_memory",       "too_many_buffers", "compat_syscall",   "socket_table",
    "process_table",     "ring_full_gpu",     "gpu_rate",         "gpu_block",
    "cuda_table"};

int print_libbpf(libbpf_print_level level, const char* format, va_list args) {
  if (level == LIBBPF_DEBUG) return 0;
  std::array<char, 512> line{};
  std::vsnprintf(line.data(), line.size(), format, args);
  log::debug(log::escape(line.data(), line.size()));
  return 0;
}

// What a person can do about errno of bpf(2).
std::string advice(int error) {
  switch (error) {
    case EPERM:
    case EACCES:
      return "run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE";
    case ENOMEM:
      return "raise the memory limit of this process (LimitMEMLOCK, container memory)";
    case ESRCH:
    case ENOENT:
    case EOPNOTSUPP:
      return "this kernel lacks the hook or its BTF; `tacit doctor` tells which";
  }
  return "`tacit doctor` tells what this host allows; --log-level debug shows the kernel's answer";
}

template <typename Skeleton>
struct Deleter;
#define TACIT_SKELETON(NAME)                                       \
  template <>                                                      \
  struct Deleter<NAME> {                                           \
    void operator()(NAME* skeleton) const { NAME##__destroy(skeleton); } \
  };
TACIT_SKELETON(process_bpf)
TACIT_SKELETON(syscalls_bpf)
TACIT_SKELETON(socket_state_bpf)
TACIT_SKELETON(io_uring_bpf)
TACIT_SKELETON(python_bpf)
TACIT_SKELETON(go_bpf)
TACIT_SKELETON(event_loop_bpf)
TACIT_SKELETON(torch_bpf)
TACIT_SKELETON(cupti_bpf)
TACIT_SKELETON(cuda_bpf)
#undef TACIT_SKELETON

template <typename Skeleton>
using Owned = std::unique_ptr<Skeleton, Deleter<Skeleton>>;

runtime::Interests interests_of(const ProbeOptions& options) {
  return {.causes = options.track_causes && options.runtime_probes,
          .training = options.training_probes,
          .cuda = options.cuda_probes,
          .kernels = options.kernel_records};
}

// What nobody asks for costs the host's syscalls nothing.
bool is_wanted(syscall_kind kind, bool track_causes, const runtime::Interests& interests) {
  if (kind == SYSCALL_MAP) return interests.any();
  if (kind >= SYSCALL_OPEN) return interests.training;
  return track_causes || kind < SYSCALL_WAIT;
}

}  // namespace

struct ProbeSet::Parts {
  Owned<process_bpf> process;
  Owned<syscalls_bpf> syscalls;
  Owned<socket_state_bpf> socket_state;
  Owned<io_uring_bpf> io_uring;
  Owned<python_bpf> python;
  Owned<go_bpf> go;
  Owned<event_loop_bpf> event_loop;
  Owned<torch_bpf> torch;
  Owned<cupti_bpf> cupti;
  Owned<cuda_bpf> cuda;
  std::optional<CudaCounters> cuda_counters;
  std::unique_ptr<Carrier> carrier;  // null: not asked for, or not possible
  std::unique_ptr<RingBuffer> ring;
  std::vector<std::string> missing;
  std::vector<std::pair<std::string, int>> programs;  // name, fd
  Fd statistics;
  UprobeMechanism uprobes = UprobeMechanism::kNone;
  std::unique_ptr<RuntimeProbes> runtimes;  // its links go before the programs

  int map(const bpf_map* map) const { return bpf_map__fd(map); }
  int cpus = libbpf_num_possible_cpus();
  uint64_t dropped(uint32_t reason) const;
  Result<void> share(bpf_object* object) const;
  template <typename Load, typename Attach>
  Result<void> start(const char* name, bpf_object* object, Load load, Attach attach);
  Result<void> load_all(const ProbeOptions& options);
  template <typename Skeleton, typename Load>
  void load_runtime(const char* name, Owned<Skeleton>& skeleton, Load load);
  void load_runtimes(const ProbeOptions& options);
  void load_cuda();
  void load_carrier(const ProbeOptions& options);
  void set_runtime(uint32_t pid, const followed_process& known) const;
};

// Maps of the same name are one map: the first skeleton (syscalls) makes them.
Result<void> ProbeSet::Parts::share(bpf_object* object) const {
  bpf_map* own = nullptr;
  bpf_object__for_each_map(own, object) {
    if (bpf_map__is_internal(own)) continue;
    const bpf_map* shared =
        bpf_object__find_map_by_name(syscalls->obj, bpf_map__name(own));
    if (shared == nullptr && carrier)
      shared = bpf_object__find_map_by_name(carrier->object(), bpf_map__name(own));
    if (shared == nullptr || bpf_map__fd(shared) < 0) continue;
    if (const int error = bpf_map__reuse_fd(own, bpf_map__fd(shared)); error != 0)
      return fail(fmt::format("cannot share BPF map {}: {}", bpf_map__name(own),
                              std::strerror(-error)));
  }
  return {};
}

template <typename Load, typename Attach>
Result<void> ProbeSet::Parts::start(const char* name, bpf_object* object, Load load,
                                    Attach attach) {
  int error = load();
  if (error == 0) error = attach();
  if (error != 0)
    return fail(fmt::format("cannot load BPF probe {}: {}; {}", name, std::strerror(-error),
                            advice(-error)));
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object)
      programs.emplace_back(bpf_program__name(program), bpf_program__fd(program));
  return {};
}

Result<void> ProbeSet::Parts::load_all(const ProbeOptions& options) {
  syscalls.reset(syscalls_bpf__open());
  process.reset(process_bpf__open());
  socket_state.reset(socket_state_bpf__open());
  io_uring.reset(io_uring_bpf__open());
  if (!syscalls || !process || !socket_state || !io_uring)
    return fail(fmt::format("cannot open the BPF programs: {}; {}", std::strerror(errno),
                            advice(errno)));

  const runtime::Interests interests = interests_of(options);
  for (const auto& [number, kind] : syscall_table())
    if (is_wanted(kind, options.track_causes, interests))
      syscalls->rodata->syscall_kinds[number] = kind;
  syscalls->rodata->track_causes = options.track_causes;
  process->rodata->track_causes = options.track_causes;
  syscalls->rodata->max_capture_bytes = options.max_capture_bytes;
  process->rodata->offer_execs = options.offer_all_processes;
  socket_state->rodata->offer_listens = options.offer_all_processes;
  if (const int error = bpf_map__set_max_entries(syscalls->maps.events, options.ring_bytes);
      error != 0)
    return fail(fmt::format("ring buffer of {} bytes: {}", options.ring_bytes,
                            std::strerror(-error)));

  auto started = start("syscalls", syscalls->obj, [&] { return syscalls_bpf__load(syscalls.get()); },
                       [] { return 0; });
  if (!started) return started;
  for (bpf_object* object : {process->obj, socket_state->obj, io_uring->obj})
    if (auto shared = share(object); !shared) return shared;

  // Processes first, the costly hook last: nothing is reported before somebody is followed.
  started = start("process", process->obj, [&] { return process_bpf__load(process.get()); },
                  [&] { return process_bpf__attach(process.get()); });
  if (!started) return started;
  started = start("socket_state", socket_state->obj,
                  [&] { return socket_state_bpf__load(socket_state.get()); },
                  [&] { return socket_state_bpf__attach(socket_state.get()); });
  if (!started) return started;
  started = start("io_uring", io_uring->obj, [&] { return io_uring_bpf__load(io_uring.get()); },
                  [&] { return io_uring_bpf__attach(io_uring.get()); });
  if (!started) {
    log::debug(started.error().message);
    missing.emplace_back("io_uring");
    io_uring.reset();
  }
  load_carrier(options);
  load_runtimes(options);
  if (carrier)
    if (auto attached = carrier->attach(); !attached) return attached;
  if (const int error = syscalls_bpf__attach(syscalls.get()); error != 0)
    return fail(fmt::format("cannot attach BPF probe syscalls: {}; {}", std::strerror(-error),
                            advice(-error)));
  auto opened = RingBuffer::open(map(syscalls->maps.events), options.ring_bytes,
                                 map(syscalls->maps.reader));
  if (!opened) return std::unexpected(opened.error());
  ring = std::make_unique<RingBuffer>(std::move(*opened));
  return {};
}

// Programs for uprobes: attached later, to processes whose image has the right places. The agent can
// do without each.
template <typename Skeleton, typename Load>
void ProbeSet::Parts::load_runtime(const char* name, Owned<Skeleton>& skeleton, Load load) {
  if (!skeleton || uprobes == UprobeMechanism::kNone) {
    missing.emplace_back(name);
    return;
  }
  bpf_program* program = nullptr;
  if (uprobes == UprobeMechanism::kMulti) {
    bpf_object__for_each_program(program, skeleton->obj)
        bpf_program__set_expected_attach_type(program,
                                              static_cast<bpf_attach_type>(kTraceUprobeMulti));
  }
  auto started = share(skeleton->obj);
  if (started)
    started = start(name, skeleton->obj, [&] { return load(skeleton.get()); }, [] { return 0; });
  if (!started) {
    log::debug(started.error().message);
    missing.emplace_back(name);
    skeleton.reset();
    return;
  }
  bpf_object__for_each_program(program, skeleton->obj)
      runtimes->add_program(bpf_program__name(program), bpf_program__fd(program));
}

void ProbeSet::Parts::load_carrier(const ProbeOptions& options) {
  if (options.carries == 0) return;
  auto loaded = Carrier::load(options.carries, [this](bpf_object* object) { return share(object); });
  if (!loaded) {
    log::warn(loaded.error().message);
    missing.emplace_back("carrier");
    return;
  }
  carrier = std::move(*loaded);
  for (auto& program : carrier->programs()) programs.push_back(std::move(program));
}

void ProbeSet::Parts::load_runtimes(const ProbeOptions& options) {
  const runtime::Interests interests = interests_of(options);
  if (interests.any()) uprobes = find_uprobe_mechanism();
  runtimes = std::make_unique<RuntimeProbes>(
      uprobes, interests,
      [this](uint32_t pid, const followed_process& known) { set_runtime(pid, known); });
  if (interests.training) {
    torch.reset(torch_bpf__open());
    load_runtime("torch", torch, torch_bpf__load);
  }
  if (interests.kernels) {
    cupti.reset(cupti_bpf__open());
    load_runtime("cupti", cupti, cupti_bpf__load);
  }
  if (interests.cuda) load_cuda();
  if (!interests.causes) return;
  python.reset(python_bpf__open());
  if (python) python->rodata->carries_traces = carrier != nullptr;
  load_runtime("python", python, python_bpf__load);
  go.reset(go_bpf__open());
  if (go) go->rodata->carries_traces = carrier != nullptr;
  load_runtime("go", go, go_bpf__load);
  event_loop.reset(event_loop_bpf__open());
  load_runtime("event_loop", event_loop, event_loop_bpf__load);
}

void ProbeSet::Parts::load_cuda() {
  cuda.reset(cuda_bpf__open());
  load_runtime("cuda", cuda, cuda_bpf__load);
  if (!cuda) return;
  cuda_counters.emplace(CudaCounters::Maps{.totals = map(cuda->maps.cuda_totals),
                                           .allocations = map(cuda->maps.cuda_allocations),
                                           .failures = map(cuda->maps.cuda_failure_counts),
                                           .collectives = map(cuda->maps.cuda_collectives),
                                           .communicators = map(cuda->maps.cuda_communicators)});
}

void ProbeSet::Parts::set_runtime(uint32_t pid, const followed_process& known) const {
  if ((known.flags & FOLLOWED_FILES) != 0) syscalls->bss->files_wanted = 1;
  bpf_map_update_elem(map(syscalls->maps.followed_processes), &pid, &known, BPF_EXIST);
}

ProbeSet::ProbeSet(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ProbeSet::~ProbeSet() = default;

Result<std::unique_ptr<ProbeSet>> ProbeSet::load(const ProbeOptions& options) {
  libbpf_set_print(print_libbpf);
  auto parts = std::make_unique<Parts>();
  if (auto loaded = parts->load_all(options); !loaded) return std::unexpected(loaded.error());
  return std::unique_ptr<ProbeSet>(new ProbeSet(std::move(parts)));
}

RingBuffer& ProbeSet::ring() { return *parts_->ring; }
const RingBuffer& ProbeSet::ring() const { return *parts_->ring; }

Result<void> ProbeSet::follow(uint32_t pid) {
  const followed_process fresh{};
  // What is known of a process that is followed already stays.
  if (bpf_map_update_elem(parts_->map(parts_->syscalls->maps.followed_processes), &pid, &fresh,
                          BPF_NOEXIST) != 0 &&
      errno != EEXIST)
    return fail(fmt::format("cannot follow process {}: {}", pid, std::strerror(errno)));
  return {};
}

void ProbeSet::unfollow(uint32_t pid) {
  bpf_map_delete_elem(parts_->map(parts_->syscalls->maps.followed_processes), &pid);
}

Inspection ProbeSet::inspect(uint32_t pid) {
  const Inspection found = parts_->runtimes->inspect(pid);
  if (parts_->cuda_counters && parts_->runtimes->attached(pid, "cuda_call_begins"))
    parts_->cuda_counters->watch(pid, monotonic_ns());
  return found;
}

void ProbeSet::forget(uint32_t pid) {
  parts_->runtimes->forget(pid);
  if (parts_->cupti) bpf_map_delete_elem(parts_->map(parts_->cupti->maps.gpu_senders), &pid);
  if (parts_->cuda_counters) parts_->cuda_counters->forget(pid);
  if (parts_->carrier) parts_->carrier->forget(pid);
}

void ProbeSet::trace(uint32_t pid, const traced_process& process) {
  if (parts_->carrier) parts_->carrier->trace(pid, process);
}

void ProbeSet::set_program_trace(uint32_t pid, const std::optional<program_trace>& trace) {
  if (parts_->carrier) parts_->carrier->set_program_trace(pid, trace);
}

bool ProbeSet::carries_traces() const { return parts_->carrier != nullptr; }

std::vector<std::pair<const char*, uint64_t>> ProbeSet::carried() const {
  if (!parts_->carrier) return {};
  return parts_->carrier->outcomes();
}

std::vector<std::string> ProbeSet::refused_sites() const {
  const auto& refused = parts_->runtimes->refused();
  return {refused.begin(), refused.end()};
}

uint64_t ProbeSet::refused_count() const { return parts_->runtimes->refused_count(); }

const char* ProbeSet::uprobe_mechanism() const { return name_of(parts_->uprobes); }

void ProbeSet::mute(uint64_t socket_id) {
  const int map = parts_->map(parts_->syscalls->maps.sockets);
  socket_state state{};
  if (bpf_map_lookup_elem(map, &socket_id, &state) != 0) return;
  state.flags |= SOCKET_MUTED;
  bpf_map_update_elem(map, &socket_id, &state, BPF_EXIST);
}

void ProbeSet::skip(uint64_t socket_id, connection::Direction direction, uint32_t until) {
  const int map = parts_->map(parts_->syscalls->maps.skips);
  socket_skip skip{};
  bpf_map_lookup_elem(map, &socket_id, &skip);
  skip.until[static_cast<int>(direction)] = until;
  skip.valid[static_cast<int>(direction)] = 1;
  bpf_map_update_elem(map, &socket_id, &skip, BPF_ANY);  // full: bytes are copied as before
}

void ProbeSet::forget_socket(uint64_t socket_id) {
  bpf_map_delete_elem(parts_->map(parts_->syscalls->maps.skips), &socket_id);
  bpf_map_delete_elem(parts_->map(parts_->syscalls->maps.sockets), &socket_id);
}

const std::vector<std::string>& ProbeSet::missing() const { return parts_->missing; }

std::vector<std::string> ProbeSet::attached() const {
  std::vector<std::string> names;
  for (const auto& [name, fd] : parts_->programs) names.push_back(name);
  return names;
}

// Sum over the CPUs of one reason's count.
uint64_t ProbeSet::Parts::dropped(uint32_t reason) const {
  std::vector<uint64_t> per_cpu(static_cast<size_t>(cpus));
  if (bpf_map_lookup_elem(map(syscalls->maps.drops), &reason, per_cpu.data()) != 0) return 0;
  uint64_t count = 0;
  for (const uint64_t figure : per_cpu) count += figure;
  return count;
}

std::vector<DropFigure> ProbeSet::drops() const {
  std::vector<DropFigure> figures;
  for (uint32_t reason = 0; reason < DROP_REASON_COUNT; ++reason)
    figures.push_back({kReasons[reason], parts_->dropped(reason)});
  return figures;
}

uint64_t ProbeSet::lost_events() const {
  return parts_->dropped(DROP_RING_FULL_RECEIVE) + parts_->dropped(DROP_RING_FULL_SEND) +
         parts_->dropped(DROP_RING_FULL_SOCKET);
}

uint64_t ProbeSet::lost_task_events() const { return parts_->dropped(DROP_RING_FULL_TASK); }

std::vector<std::pair<uint32_t, uint64_t>> ProbeSet::io_uring_operations() const {
  std::vector<std::pair<uint32_t, uint64_t>> operations;
  if (!parts_->io_uring) return operations;
  const int map = parts_->map(parts_->io_uring->maps.io_uring_operations);
  uint32_t pid = 0, next = 0;
  for (bool first = true; bpf_map_get_next_key(map, first ? nullptr : &pid, &next) == 0;
       first = false) {
    pid = next;
    uint64_t count = 0;
    if (bpf_map_lookup_elem(map, &pid, &count) == 0) operations.emplace_back(pid, count);
  }
  return operations;
}

std::optional<event::CudaCounts> ProbeSet::cuda_counts(uint32_t pid) const {
  return parts_->cuda_counters ? parts_->cuda_counters->read(pid) : std::nullopt;
}

std::vector<event::CudaCounts> ProbeSet::cuda_counts() const {
  if (!parts_->cuda_counters) return {};
  return parts_->cuda_counters->read();
}

std::vector<event::CudaCommunicator> ProbeSet::communicators() const {
  if (!parts_->cuda_counters) return {};
  return parts_->cuda_counters->communicators();
}

std::vector<event::CudaWatch> ProbeSet::cuda_watched() const {
  return parts_->cuda_counters ? parts_->cuda_counters->watched() : std::vector<event::CudaWatch>{};
}

std::vector<ProgramFigures> ProbeSet::program_figures() const {
  std::vector<ProgramFigures> figures;
  for (const auto& [name, fd] : parts_->programs) {
    bpf_prog_info info{};
    uint32_t length = sizeof(info);
    if (bpf_obj_get_info_by_fd(fd, &info, &length) == 0)
      figures.push_back({name, info.run_cnt, info.run_time_ns});
  }
  return figures;
}

void ProbeSet::measure_programs(bool on) {
  parts_->statistics = Fd(on ? bpf_enable_stats(BPF_STATS_RUN_TIME) : -1);
}

}  // namespace tacit::probe
