// SPDX-License-Identifier: Apache-2.0
// Go 1.18 and later on x86-64: which goroutine runs on a thread, who started it, and for whom a
// connection's write loop writes. Names come from the line table, so stripped binaries do; where
// the runtime keeps things is read from its code and must agree with the table of versions below.
//
// Why these places (src/runtime/proc.go, src/net/http/transport.go):
// - runtime.newproc.func1 hands the new goroutine to runtime.runqput before it can run: at that call
//   it is in rbx. (newproc1's own end has no instruction that the kernel emulates.)
// - net/http.(*persistConn).roundTrip runs once a request, in the caller's goroutine, before the
//   request is handed to the connection's write loop; the connection is in rax.
// - The write and read loops are started by whoever dialled and serve everybody after that, so
//   they are nobody's work but what is claimed.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "agent/runtime/elf_image.h"
#include "agent/runtime/go_build_info.h"
#include "agent/runtime/go_line_table.h"
#include "agent/runtime/known_image.h"
#include "agent/runtime/site_finder.h"

namespace tacit::runtime {
namespace {

constexpr std::string_view kSystemStack = "runtime.systemstack";
constexpr std::string_view kNewGoroutine = "runtime.newproc1";
constexpr std::string_view kStart = "runtime.newproc.func1";
constexpr std::string_view kPutOnQueue = "runtime.runqput";
constexpr std::string_view kRoundTrip = "net/http.(*persistConn).roundTrip";
constexpr std::array<std::string_view, 2> kLoops = {"net/http.(*persistConn).writeLoop",
                                                    "net/http.(*persistConn).readLoop"};
constexpr std::array<std::string_view, 7> kNames = {
    kSystemStack, kNewGoroutine, kStart, kPutOnQueue, kRoundTrip, kLoops[0], kLoops[1]};

constexpr size_t kMaxFunctionBytes = 64 << 10;
constexpr uint32_t kMachineInG = 48;             // g.m
constexpr int32_t kConnectionInPersistConn = 80;  // persistConn.conn, 1.18 to 1.26

// Offsets in struct g, from the DWARF of builds by each of these releases.
struct Release {
  int minor;  // of Go 1
  uint32_t goid;
  uint32_t parent_goid;  // 0: there is none; then m.curg is asked
};
constexpr std::array<Release, 9> kReleases = {{{18, 152, 0},
                                               {19, 152, 0},
                                               {20, 152, 0},
                                               {21, 152, 272},
                                               {22, 152, 272},
                                               {23, 160, 280},
                                               {24, 160, 280},
                                               {25, 152, 272},
                                               {26, 152, 280}}};

struct ThreadLayout {
  int32_t g_offset = 0;         // from the thread pointer
  uint32_t running_in_m = 0;    // m.curg
};

bool starts_with(std::span<const std::byte> code, std::initializer_list<uint8_t> bytes) {
  return code.size() >= bytes.size() &&
         std::equal(bytes.begin(), bytes.end(), code.begin(),
                    [](uint8_t a, std::byte b) { return a == std::to_integer<uint8_t>(b); });
}

std::optional<int32_t> displacement(std::span<const std::byte> code, size_t at) {
  if (code.size() < at + 4) return std::nullopt;
  int32_t value = 0;
  std::memcpy(&value, code.data() + at, sizeof(value));
  return value;
}

// systemstack (asm_amd64.s) begins with: g → rax; g.m → rbx; … cmp g, m.curg. g is read as
// fs:[constant], or, in position-independent files, by way of rcx, which the linker made a constant.
std::optional<ThreadLayout> read_system_stack(std::span<const std::byte> code) {
  ThreadLayout layout;
  size_t at = 0;
  for (; at < code.size() && layout.g_offset == 0; ++at) {
    const auto rest = code.subspan(at);
    if (starts_with(rest, {0x64, 0x48, 0x8b, 0x04, 0x25}))  // mov rax, fs:[imm32]
      layout.g_offset = displacement(rest, 5).value_or(0), at += 8;
    else if (starts_with(rest, {0x48, 0xc7, 0xc1}) && rest.size() > 7 &&  // mov rcx, imm32
             starts_with(rest.subspan(7), {0x64, 0x48, 0x8b, 0x01}))      // mov rax, fs:[rcx]
      layout.g_offset = displacement(rest, 3).value_or(0), at += 10;
  }
  if (layout.g_offset >= 0 || layout.g_offset % 8 != 0 || at >= code.size()) return std::nullopt;
  if (!starts_with(code.subspan(at), {0x48, 0x8b, 0x58, uint8_t{kMachineInG}}))  // mov rbx,[rax+48]
    return std::nullopt;
  for (; at < code.size() && layout.running_in_m == 0; ++at)
    if (starts_with(code.subspan(at), {0x48, 0x3b, 0x83}))  // cmp rax,[rbx+imm32]
      layout.running_in_m = static_cast<uint32_t>(displacement(code.subspan(at), 3).value_or(0));
  if (layout.running_in_m == 0 || layout.running_in_m > 4096) return std::nullopt;
  return layout;
}

class GoImage {
 public:
  GoImage(const ElfImage& image, KnownImage& known) : image_(image), known_(known) {}

  void recognise(const GoVersion& version) {
    const auto release = std::find_if(kReleases.begin(), kReleases.end(), [&](const Release& each) {
      return version.major == 1 && each.minor == version.minor;
    });
    if (image_.machine() != Machine::kX86_64 || !kCanDecode)
      return refuse("goroutines are told apart on x86-64 only so far");
    if (release == kReleases.end())
      return refuse(fmt::format("goroutines of {} are not told apart: only Go 1.18 to 1.26 are known",
                                version.text.empty() ? "an unknown version" : version.text));
    auto functions = find_go_functions(image_, kNames);
    if (!functions) return refuse("goroutines are not told apart: " + functions.error().message);
    functions_ = std::move(*functions);
    const auto thread = find_thread_layout();
    if (!thread) return refuse("goroutines are not told apart: how it keeps them in thread-local "
                               "storage is not known (Go code in a shared library?)");
    if (!stores_as(*release))
      return refuse("goroutines are not told apart: its runtime's code does not fit " + version.text);
    known_.layout = {.kind = RUNTIME_GO,
                     .thread_offset = thread->g_offset,
                     .key_address = 0,
                     .type_address = 0,
                     .task_offset = release->goid,
                     .parent_offset = release->parent_goid};
    add_starts(release->parent_goid == 0 ? thread->running_in_m : 0);
  }

 private:
  void refuse(const std::string& why) { known_.refused.push_back("Go: " + why); }

  const AddressRange* function(std::string_view name) const {
    const auto found = functions_.find(name);
    return found == functions_.end() ? nullptr : &found->second.front();
  }

  std::vector<std::byte> code_of(const AddressRange& range) const {
    return image_.read(range.begin, std::min<size_t>(range.end - range.begin, kMaxFunctionBytes));
  }

  // Go keeps nothing but instructions between a function's beginning and end.
  template <typename Visit>  // bool(const Instruction&): go on
  void for_each_instruction(const AddressRange& range, Visit visit) const {
    const auto code = code_of(range);
    for (size_t at = 0; at < code.size();) {
      const auto rest = std::span(code).subspan(at);
      const auto instruction = decode(rest.first(std::min<size_t>(rest.size(), 15)), range.begin + at);
      if (!instruction || !visit(*instruction)) return;
      at += instruction->length;
    }
  }

  std::optional<ThreadLayout> find_thread_layout() const {
    const auto found = functions_.find(kSystemStack);
    if (found == functions_.end()) return std::nullopt;
    for (const auto& range : found->second)
      if (const auto layout = read_system_stack(code_of(range))) return layout;
    return std::nullopt;
  }

  // newproc1 writes goid and parentGoid into the new g.
  bool stores_as(const Release& release) const {
    const auto* range = function(kNewGoroutine);
    if (range == nullptr) return false;
    bool goid = false, parent = release.parent_goid == 0;
    for_each_instruction(*range, [&](const Instruction& each) {
      if (each.effect == Effect::kStore && each.destination.base != Register::kRsp) {
        goid |= each.destination.offset == static_cast<int32_t>(release.goid);
        parent |= each.destination.offset == static_cast<int32_t>(release.parent_goid);
      }
      return !goid || !parent;
    });
    return goid && parent;
  }

  // Ancestry is only right together with the claims: without them what the write loop writes would
  // be taken for work of whoever dialled.
  void add_starts(uint32_t running_in_m) {
    auto claims = find_claims();
    if (!claims) return refuse("who started a goroutine is not followed: " + claims.error().message);
    const auto* start = function(kStart);
    const auto* queue = function(kPutOnQueue);
    std::optional<uint64_t> call;
    if (start != nullptr && queue != nullptr)
      for_each_instruction(*start, [&](const Instruction& each) {
        if (each.flow == Flow::kCall && each.emulated && each.target == queue->begin)
          call = image_.file_offset(each.address);
        return !call;
      });
    if (!call)
      return refuse("who started a goroutine is not followed: the runtime starts them in a way that "
                    "is not known");
    const ValuePlace place{.base = Register::kRbx, .offset = static_cast<int32_t>(running_in_m)};
    known_.probes.push_back({"go_goroutine_started", {{*call, place.cookie()}}});
    for (auto& plan : *claims) known_.probes.push_back(std::move(plan));
  }

  // Nothing where the program has no HTTP client of the standard library.
  Result<std::vector<ProbePlan>> find_claims() const {
    std::vector<ProbePlan> plans;
    if (function(kRoundTrip) == nullptr && function(kLoops[0]) == nullptr) return plans;
    const auto trip = stack_check_of(kRoundTrip);
    if (!trip) return std::unexpected(trip.error());
    const ValuePlace place{.base = Register::kRax, .offset = kConnectionInPersistConn};
    plans.push_back({"go_request_claimed", {{*trip, place.cookie()}}});
    ProbePlan loops{"go_loop_started", {}};
    for (const auto name : kLoops) {
      const auto site = stack_check_of(name);
      if (!site) return std::unexpected(site.error());
      loops.points.push_back({*site, 0});
    }
    plans.push_back(std::move(loops));
    return plans;
  }

  // File offset of the jbe with which functions begin that need stack: cmp rsp,[r14+16]; jbe.
  Result<uint64_t> stack_check_of(std::string_view name) const {
    const auto* range = function(name);
    if (range == nullptr) return fail(fmt::format("it has no function {}", name));
    const std::array<Register, 1> arguments = {Register::kRax};
    const SiteQuery query{.calls_keep_registers = false, .extent = *range, .result = {}};
    const auto site = entry_site(image_, range->begin, arguments, query);
    if (!site) return fail(fmt::format("{}: {}", name, site.error().message));
    const auto code = image_.read(site->address, 2);
    if (site->arguments.front() != ValuePlace{.base = Register::kRax} ||
        (!starts_with(code, {0x76}) && !starts_with(code, {0x0f, 0x86})))
      return fail(fmt::format("{} does not begin by checking its stack", name));
    return site->file_offset;
  }

  const ElfImage& image_;
  KnownImage& known_;
  GoFunctions functions_;
};

}  // namespace

void recognise_go(const ElfImage& image, const std::string&, KnownImage& known) {
  if (const auto version = find_go_version(image)) GoImage(image, known).recognise(*version);
}

}  // namespace tacit::runtime
