// SPDX-License-Identifier: Apache-2.0
// CPython's _queue.SimpleQueue (Modules/_queuemodule.c), through which concurrent.futures hands work to
// its threads: what is put, and what a thread gets.
#include <array>
#include <set>
#include <span>

#include "agent/runtime/known_image.h"
#include "agent/runtime/method_table.h"
#include "agent/runtime/site_finder.h"

namespace tacit::runtime {
namespace {

// put(item, block=True, timeout=None), put_nowait(item): args[0]. Fast calls pass (self, args, …), with METH_METHOD
// (self, defining class, args, …).
Result<ProbePoint> given_at(const ElfImage& image, const Method& put) {
  if ((put.flags & kMethodFastCall) == 0) return fail("put is called in an unknown way");
  const std::array arguments = {(put.flags & kMethodDefiningClass) != 0 ? Register::kRdx
                                                                        : Register::kRsi};
  const auto site = entry_site(image, put.function, arguments);
  if (!site) return std::unexpected(site.error());
  const ValuePlace item{.base = site->arguments[0].base, .in_memory = true, .offset = 0};
  return ProbePoint{site->file_offset, item.cookie()};
}

Result<void> add(const ElfImage& image, const std::vector<Method>& methods, KnownImage& known) {
  ProbePlan given{"python_work_given"}, taken{"python_work_taken"};
  for (const auto& put : std::span(methods).first(2)) {
    const auto give = given_at(image, put);
    if (!give) return std::unexpected(give.error());
    given.points.push_back(*give);
  }
  std::set<ResultSite> sites;  // older versions share the code of both
  for (const auto& get : std::span(methods).subspan(2)) {
    const auto take = result_sites(image, get.function);
    if (!take) return std::unexpected(take.error());
    sites.insert(take->begin(), take->end());
  }
  for (const auto& site : sites) taken.points.push_back({site.file_offset, site.result.cookie()});
  known.probes.push_back(std::move(given));
  known.probes.push_back(std::move(taken));
  return {};
}

}  // namespace

void recognise_simple_queue(const ElfImage& image, const std::string& name, KnownImage& known) {
  if (known.layout.kind != RUNTIME_PYTHON && !name.starts_with("_queue.")) return;
  constexpr std::array<std::string_view, 4> kNames = {"put_nowait", "put", "get", "get_nowait"};
  for (const auto& methods : find_methods(image, kNames))
    if (auto added = add(image, methods, known); !added)
      known.refused.push_back("Python: work handed to thread pools is not followed: SimpleQueue: " +
                              added.error().message);
}

}  // namespace tacit::runtime
