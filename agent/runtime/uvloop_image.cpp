// SPDX-License-Identifier: Apache-2.0
// uvloop: its transports queue what is written and flush it later, outside of the writer's context, so
// the moment of the write itself is what tells who wrote.
#include <array>
#include <set>

#include "agent/runtime/known_image.h"
#include "agent/runtime/method_table.h"
#include "agent/runtime/site_finder.h"

namespace tacit::runtime {

void recognise_uvloop(const ElfImage& image, const std::string& name, KnownImage& known) {
  if (!name.starts_with("loop.")) return;
  constexpr std::array<std::string_view, 1> kOwn = {"uv_try_write"};
  if (!image.symbols(kOwn).contains(kOwn[0])) return;
  known.provides = kProvidesUvloop;
  // Stream transports have all of these; what is no stream (TLS) is told apart by the BPF program.
  constexpr std::array<std::string_view, 4> kNames = {"writelines", "write", "write_eof", "abort"};
  constexpr std::array kSelf = {Register::kRdi};
  ProbePlan plan{"uvloop_stream_write"};
  std::set<uint64_t> seen;
  for (const auto& methods : find_methods(image, kNames))
    for (const auto& method : {methods[0], methods[1]}) {
      const auto site = entry_site(image, method.function, kSelf);
      if (!site)
        known.refused.push_back("uvloop: what is written is not followed: " + method.name + ": " +
                                site.error().message);
      else if (seen.insert(site->file_offset).second)
        plan.points.push_back({site->file_offset, site->arguments[0].cookie()});
    }
  if (plan.points.empty())
    known.refused.emplace_back("uvloop: what is written is not followed: its methods were not found");
  else
    known.probes.push_back(std::move(plan));
}

}  // namespace tacit::runtime
