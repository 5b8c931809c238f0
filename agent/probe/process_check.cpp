// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/process_check.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "agent/base/log.h"
#include "agent/runtime/known_image.h"
#include "agent/runtime/memory_map.h"

namespace tacit::probe {
namespace {

const char* name_of(uint32_t kind) {
  switch (kind) {
    case RUNTIME_PYTHON: return "Python";
    case RUNTIME_GO: return "Go";
    case RUNTIME_LOOP: return "event loop";
  }
  return "";
}

bool is_executable_of(uint32_t pid, const runtime::MappedImage& image) {
  struct stat status {};
  return ::stat(fmt::format("/proc/{}/exe", pid).c_str(), &status) == 0 &&
         status.st_ino == image.file.inode;
}

}  // namespace

HostCheck check_process(uint32_t pid) {
  HostCheck check;
  check.name = fmt::format("process {}", pid);
  check.ok = true;
  const auto images = runtime::mapped_images(pid);
  if (images.empty()) {
    check.ok = false;
    check.detail = "its memory map cannot be read";
    check.cost = "nothing is known of it";
    check.fix = "is it running? run as root";
    return check;
  }
  std::string refused;
  for (const auto& image : images) {
    if (!runtime::may_be_known(image.name, {}) && !is_executable_of(pid, image)) continue;
    const auto known = runtime::recognise(runtime::path_of(pid, image), image.name, {});
    size_t points = 0;
    for (const auto& plan : known.probes) points += plan.points.size();
    if (known.layout.kind != RUNTIME_UNKNOWN || points > 0)
      check.detail += fmt::format("{}{} {}, {} probe points", check.detail.empty() ? "" : "; ",
                                  name_of(known.layout.kind),
                                  log::escape(image.name.data(), image.name.size()), points);
    for (const auto& sentence : known.refused)
      refused += fmt::format("{}{}", refused.empty() ? "" : "; ",
                             log::escape(sentence.data(), sentence.size()));
  }
  if (check.detail.empty()) check.detail = "no language runtime that is looked into";
  if (refused.empty()) return check;
  check.ok = false;
  check.detail += "; refused: " + refused;
  check.cost = "calls made there have a parent only by the thread that makes them";
  check.fix = "another build of the runtime; agent/runtime/README.md lists what is known";
  return check;
}

}  // namespace tacit::probe
