// SPDX-License-Identifier: Apache-2.0
// Node on x86-64. Its event loop shows what woke it by the syscalls it makes, but for two phases that
// follow the sockets' without a syscall between: timers and immediates (src/env.cc: RunTimers,
// CheckImmediate, called by libuv's uv__run_timers and uv__run_check). A probe at the entry of each
// marks where one callback's work ends. Both are exported, since addons link to the executable.
#include <array>
#include <string_view>

#include "agent/runtime/known_image.h"
#include "agent/runtime/site_finder.h"

namespace tacit::runtime {
namespace {

constexpr std::array<std::string_view, 2> kPhases = {
    "_ZN4node11Environment9RunTimersEP10uv_timer_s",
    "_ZN4node11Environment14CheckImmediateEP10uv_check_s"};

}  // namespace

void recognise_node(const ElfImage& image, const std::string&, KnownImage& known) {
  const auto symbols = image.symbols(kPhases);
  if (symbols.size() != kPhases.size()) return;
  ProbePlan plan{.program = "node_phase_begins"};
  for (const auto& [name, symbol] : symbols) {
    const auto site = entry_site(image, symbol.address, {});
    if (!site) {
      known.refused.push_back("Node: callbacks are not told apart: " + site.error().message);
      return;
    }
    plan.points.push_back({site->file_offset, 0});
  }
  known.layout = {};
  known.layout.kind = RUNTIME_NODE;
  known.probes.push_back(std::move(plan));
}

}  // namespace tacit::runtime
