// SPDX-License-Identifier: Apache-2.0
// Node and nginx on x86-64. Their event loops show what woke them by the syscalls they make, but for
// phases that follow the sockets' without a syscall between. A probe at the entry of each marks where
// one callback's work ends.
//  Node: timers and immediates (src/env.cc, called by libuv's uv__run_timers and uv__run_check); both
//   are exported, since addons link to the executable.
//  nginx: timers (src/event/ngx_event_timer.c): delayed and retried requests; exported for modules.
#include <array>
#include <span>
#include <string_view>

#include "agent/runtime/known_image.h"
#include "agent/runtime/site_finder.h"

namespace tacit::runtime {
namespace {

constexpr std::array<std::string_view, 2> kNodePhases = {
    "_ZN4node11Environment9RunTimersEP10uv_timer_s",
    "_ZN4node11Environment14CheckImmediateEP10uv_check_s"};
constexpr std::array<std::string_view, 1> kNginxPhases = {"ngx_event_expire_timers"};

void recognise_loop(const ElfImage& image, std::string_view program,
                    std::span<const std::string_view> phases, KnownImage& known) {
  const auto symbols = image.symbols(phases);
  if (symbols.size() != phases.size()) return;
  ProbePlan plan{.program = "loop_phase_begins"};
  for (const auto& [name, symbol] : symbols) {
    const auto site = entry_site(image, symbol.address, {});
    if (!site) {
      known.refused.push_back(std::string(program) +
                              ": callbacks are not told apart: " + site.error().message);
      return;
    }
    plan.points.push_back({site->file_offset, 0});
  }
  known.layout = {};
  known.layout.kind = RUNTIME_LOOP;
  known.probes.push_back(std::move(plan));
}

}  // namespace

void recognise_event_loop(const ElfImage& image, const std::string&, KnownImage& known) {
  recognise_loop(image, "Node", kNodePhases, known);
  recognise_loop(image, "nginx", kNginxPhases, known);
}

}  // namespace tacit::runtime
