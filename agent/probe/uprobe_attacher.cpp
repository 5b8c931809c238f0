// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/uprobe_attacher.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
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

Result<UprobeLink> attach_events(int program_fd, const std::string& path, uint32_t pid,
                                 std::span<const runtime::ProbePoint> points) {
  const int type = uprobe_event_type();
  if (type < 0) return fail(why(path, ENOENT));
  std::vector<Fd> events, links;
  for (const auto& point : points) {
    perf_event_attr event{};
    event.size = sizeof(event);
    event.type = static_cast<uint32_t>(type);
    event.config1 = reinterpret_cast<uint64_t>(path.c_str());
    event.config2 = point.file_offset;
    event.config = point.semaphore_offset << kSemaphoreShift;
    Fd fd(static_cast<int>(
        ::syscall(SYS_perf_event_open, &event, pid, -1, -1, PERF_FLAG_FD_CLOEXEC)));
    if (!fd.valid()) return fail(why(path, errno));
    LIBBPF_OPTS(bpf_link_create_opts, options);
    options.perf_event.bpf_cookie = point.cookie;
    Fd link(bpf_link_create(program_fd, fd.get(), BPF_PERF_EVENT, &options));
    if (!link.valid()) return fail(why(path, errno));
    events.push_back(std::move(fd));
    links.push_back(std::move(link));
  }
  // The links go before the events that they hang on.
  for (auto& event : events) links.push_back(std::move(event));
  return links;
}

// Counts its runs in the first word of an array map.
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
