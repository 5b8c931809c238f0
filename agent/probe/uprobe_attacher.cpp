// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/uprobe_attacher.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <thread>

#include "agent/runtime/memory_map.h"

// A victim of our own: a 1-byte nop is emulated, so trying costs and risks nothing.
asm(".pushsection .text\n"
    ".globl tacit_uprobe_canary\n"
    ".type tacit_uprobe_canary, @function\n"
    "tacit_uprobe_canary:\n"
    "  nop\n"
    "  ret\n"
    ".size tacit_uprobe_canary, . - tacit_uprobe_canary\n"
    ".popsection\n");
extern "C" void tacit_uprobe_canary();

namespace tacit::probe {
namespace {

// union bpf_attr.link_create with its uprobe_multi part (include/uapi/linux/bpf.h, kernel 6.6).
struct LinkCreateUprobeMulti {
  uint32_t program_fd;
  uint32_t target_fd;
  uint32_t attach_type;
  uint32_t flags;
  uint64_t path;
  uint64_t offsets;
  uint64_t reference_counter_offsets;
  uint64_t cookies;
  uint32_t count;
  uint32_t multi_flags;
  uint32_t pid;
  uint32_t pad;
};
static_assert(sizeof(LinkCreateUprobeMulti) == 64);

std::string why(const std::string& path, int error) {
  if (error == EMFILE)
    return fmt::format("cannot attach uprobes to {}: {}; this kernel needs one open file for each "
                       "place: raise the limit (LimitNOFILE=, ulimit -Hn)",
                       path, std::strerror(error));
  return fmt::format("cannot attach uprobes to {}: {}; `tacit doctor` tells what this host allows",
                     path, std::strerror(error));
}

Result<UprobeLink> attach_multi(int program_fd, const std::string& path, uint32_t pid,
                                std::span<const runtime::ProbePoint> points) {
  std::vector<uint64_t> offsets, cookies, semaphores;
  bool any_semaphore = false;
  for (const auto& point : points) {
    offsets.push_back(point.file_offset);
    cookies.push_back(point.cookie);
    semaphores.push_back(point.semaphore_offset);
    any_semaphore |= point.semaphore_offset != 0;
  }
  LinkCreateUprobeMulti create{};
  create.program_fd = static_cast<uint32_t>(program_fd);
  create.attach_type = kTraceUprobeMulti;
  create.path = reinterpret_cast<uint64_t>(path.c_str());
  create.offsets = reinterpret_cast<uint64_t>(offsets.data());
  create.cookies = reinterpret_cast<uint64_t>(cookies.data());
  if (any_semaphore)
    create.reference_counter_offsets = reinterpret_cast<uint64_t>(semaphores.data());
  create.count = static_cast<uint32_t>(offsets.size());
  create.pid = pid;
  const auto fd = static_cast<int>(::syscall(SYS_bpf, BPF_LINK_CREATE, &create, sizeof(create)));
  if (fd < 0) return fail(why(path, errno));
  UprobeLink link;
  link.emplace_back(fd);
  return link;
}

int uprobe_event_type() {
  const Fd fd(::open("/sys/bus/event_source/devices/uprobe/type", O_RDONLY | O_CLOEXEC));
  std::array<char, 16> text{};
  const ssize_t n = fd.valid() ? ::read(fd.get(), text.data(), text.size()) : -1;
  int type = -1;
  if (n > 0) std::from_chars(text.data(), text.data() + n, type);
  return type;
}

// PERF_UPROBE_REF_CTR_OFFSET_SHIFT (include/linux/trace_events.h; format/ref_ctr_offset in sysfs).
constexpr int kSemaphoreShift = 32;

// Every place costs a descriptor here. The limit that shells and service managers begin with (1024) is
// for programs that select(); what this process starts has been started before the first place is there.
void keep_descriptors_free(int used) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  if (static_cast<rlim_t>(used) < limit.rlim_cur / 2) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// One process's places in one file. Never enabled, and one group: the kernel looks at each enabled event
// and at each group whenever the thread is switched to (60 us for 178 events, measured on 6.18), while
// breakpoints are there, and the BPF program runs, as long as the event exists
// (kernel/trace/trace_uprobe.c: uprobe_perf_open, __uprobe_perf_func).
class EventGroup {
 public:
  EventGroup(int program_fd, const std::string& path, uint32_t pid)
      : program_fd_(program_fd), path_(path), pid_(pid), type_(uprobe_event_type()) {}

  Result<void> add(const runtime::ProbePoint& point) {
    const bool counted = point.semaphore_offset != 0;
    Fd event = open(point, counted);
    if (!event.valid()) return fail(why(path_, errno));
    keep_descriptors_free(event.get());
    LIBBPF_OPTS(bpf_link_create_opts, options);
    options.perf_event.bpf_cookie = point.cookie;
    Fd link(bpf_link_create(program_fd_, event.get(), BPF_PERF_EVENT, &options));
    if (!link.valid()) return fail(why(path_, errno));
    links_.push_back(std::move(link));  // it holds the event
    if (counted) {
      links_.push_back(open(point, false));
      if (!links_.back().valid()) return fail(why(path_, errno));
    }
    if (!leader_.valid()) leader_ = std::move(event);
    return {};
  }

  UprobeLink take() { return std::move(links_); }

 private:
  // `silent`: nothing is put into the process until the same place is opened again (enable_on_exec leaves
  // that to exec). So a target that sees its semaphore rise is listened to already, but for the moment
  // between semaphore and breakpoint inside the kernel, which multi-links have too.
  Fd open(const runtime::ProbePoint& point, bool silent) const {
    perf_event_attr event{};
    event.size = sizeof(event);
    event.type = static_cast<uint32_t>(type_);
    event.config1 = reinterpret_cast<uint64_t>(path_.c_str());
    event.config2 = point.file_offset;
    event.config = point.semaphore_offset << kSemaphoreShift;
    event.disabled = 1;
    event.enable_on_exec = silent;
    return Fd(static_cast<int>(::syscall(SYS_perf_event_open, &event, pid_, -1, leader_.get(),
                                         PERF_FLAG_FD_CLOEXEC)));
  }

  const int program_fd_;
  const std::string& path_;
  const uint32_t pid_;
  const int type_;
  Fd leader_;
  UprobeLink links_;
};

Result<UprobeLink> attach_events(int program_fd, const std::string& path, uint32_t pid,
                                 std::span<const runtime::ProbePoint> points) {
  EventGroup group(program_fd, path, pid);
  for (const auto& point : points)
    if (auto added = group.add(point); !added) return std::unexpected(added.error());
  return group.take();
}

struct Canary {
  std::string path;
  runtime::ProbePoint point;
};

std::optional<Canary> own_victim() {
  const auto pid = static_cast<uint32_t>(::getpid());
  const auto address = reinterpret_cast<uint64_t>(&tacit_uprobe_canary);
  for (const auto& image : runtime::mapped_images(pid)) {
    const auto elf = runtime::ElfImage::open(runtime::path_of(pid, image));
    if (!elf) continue;
    const uint64_t bias = runtime::load_bias(elf->segments(), image.start, image.file_offset);
    for (const auto& segment : elf->segments())
      if (segment.executable && segment.addresses.contains(address - bias))
        return Canary{runtime::path_of(pid, image), {*elf->file_offset(address - bias), 0}};
  }
  return std::nullopt;
}

// Kernels before 6.10 take the process id of a multi link for a thread's, so another thread must be
// seen too.
bool works(UprobeMechanism mechanism) {
  const auto victim = own_victim();
  const Fd map(bpf_map_create(BPF_MAP_TYPE_ARRAY, "tacit_canary", 4, 8, 1, nullptr));
  if (!victim || !map.valid()) return false;
  const Fd program = load_counter(map.get(), mechanism);
  if (!program.valid()) return false;
  const auto link = attach_uprobes(mechanism, program.get(), victim->path,
                                   static_cast<uint32_t>(::getpid()), {&victim->point, 1});
  if (!link) return false;
  std::thread(tacit_uprobe_canary).join();
  const uint32_t first = 0;
  uint64_t runs = 0;
  return bpf_map_lookup_elem(map.get(), &first, &runs) == 0 && runs == 1;
}

}  // namespace

Fd load_counter(int map_fd, UprobeMechanism mechanism) {
  const bpf_insn code[] = {
      {BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_VALUE, 0, map_fd},
      {0, 0, 0, 0, 0},
      {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, 1},
      {BPF_STX | BPF_DW | BPF_ATOMIC, BPF_REG_1, BPF_REG_2, 0, BPF_ADD},
      {BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0},
      {BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
  };
  LIBBPF_OPTS(bpf_prog_load_opts, options);
  if (mechanism == UprobeMechanism::kMulti)
    options.expected_attach_type = static_cast<bpf_attach_type>(kTraceUprobeMulti);
  return Fd(bpf_prog_load(BPF_PROG_TYPE_KPROBE, "tacit_canary", "GPL", code, std::size(code),
                          &options));
}

const char* name_of(UprobeMechanism mechanism) {
  switch (mechanism) {
    case UprobeMechanism::kMulti: return "uprobe_multi links";
    case UprobeMechanism::kPerfEvent: return "perf event uprobes";
    case UprobeMechanism::kNone: break;
  }
  return "none";
}

UprobeMechanism find_uprobe_mechanism() {
  for (const auto mechanism : {UprobeMechanism::kMulti, UprobeMechanism::kPerfEvent})
    if (works(mechanism)) return mechanism;
  return UprobeMechanism::kNone;
}

Result<UprobeLink> attach_uprobes(UprobeMechanism mechanism, int program_fd,
                                  const std::string& path, uint32_t pid,
                                  std::span<const runtime::ProbePoint> points) {
  if (points.empty()) return UprobeLink{};
  switch (mechanism) {
    case UprobeMechanism::kMulti: return attach_multi(program_fd, path, pid, points);
    case UprobeMechanism::kPerfEvent: return attach_events(program_fd, path, pid, points);
    case UprobeMechanism::kNone: break;
  }
  return fail("uprobes do not work on this host: what runs inside processes is not told apart");
}

}  // namespace tacit::probe
