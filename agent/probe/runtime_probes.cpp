// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/runtime_probes.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "agent/base/log.h"

namespace tacit::probe {
namespace {

// Files and sentences that are remembered; beyond it the oldest knowledge is made anew.
constexpr size_t kMaxImages = 4096;
constexpr size_t kMaxRefused = 256;

uint64_t executable_inode(uint32_t pid) {
  struct stat status {};
  const auto path = fmt::format("/proc/{}/exe", pid);
  return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

runtime_layout moved(runtime_layout layout, uint64_t bias) {
  if (layout.key_address != 0) layout.key_address += bias;
  if (layout.type_address != 0) layout.type_address += bias;
  return layout;
}

}  // namespace

RuntimeProbes::RuntimeProbes(UprobeMechanism mechanism, SetRuntime set_runtime)
    : mechanism_(mechanism), set_runtime_(std::move(set_runtime)) {}

void RuntimeProbes::add_program(const std::string& name, int fd) { programs_[name] = fd; }

void RuntimeProbes::inspect(uint32_t pid) {
  const auto images = runtime::mapped_images(pid);
  if (images.empty()) return;
  const uint64_t executable = executable_inode(pid);
  const bool glibc = std::any_of(images.begin(), images.end(), [](const auto& image) {
    return image.name.starts_with("ld-linux");
  });
  Process& process = processes_[pid];
  for (const auto& image : images)
    if (image.file.inode == executable || runtime::may_be_known(image.name))
      look_at(pid, image, glibc, process);
}

void RuntimeProbes::look_at(uint32_t pid, const runtime::MappedImage& image, bool glibc,
                            Process& process) {
  const auto path = runtime::path_of(pid, image);
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return;
  const FileVersion version{
      status.st_dev, status.st_ino, static_cast<uint64_t>(status.st_size),
      static_cast<uint64_t>(status.st_mtim.tv_sec) * 1'000'000'000 +
          static_cast<uint64_t>(status.st_mtim.tv_nsec)};
  auto [links, is_new] = process.try_emplace(version);
  if (!is_new) return;
  const Known image_facts = known(path, image.name, version);
  if (image_facts->needs_glibc && !glibc) {
    refused_.insert(fmt::format("{}: tasks are not told apart: the process does not use glibc",
                                image.name));
    return;
  }
  if (!attach(pid, path, *image_facts, links->second)) return;
  if (image_facts->layout.kind != RUNTIME_UNKNOWN)
    set_runtime_(pid, moved(image_facts->layout,
                            runtime::load_bias(image_facts->segments, image.start,
                                               image.file_offset)));
}

RuntimeProbes::Known RuntimeProbes::known(const std::string& path, const std::string& name,
                                          const FileVersion& version) {
  if (const auto found = images_.find(version); found != images_.end()) return found->second;
  if (images_.size() >= kMaxImages) images_.clear();
  auto made = std::make_shared<const runtime::KnownImage>(runtime::recognise(path, name));
  for (const auto& sentence : made->refused)
    if (refused_.size() < kMaxRefused) refused_.insert(name + ": " + sentence);
  images_.emplace(version, made);
  return made;
}

// All or none: half of the creations would leave tasks with the wrong ancestors.
bool RuntimeProbes::attach(uint32_t pid, const std::string& path,
                           const runtime::KnownImage& known, std::vector<UprobeLink>& links) {
  for (const auto& plan : known.probes) {
    const auto program = programs_.find(plan.program);
    if (program == programs_.end()) {
      refused_.insert(fmt::format("{} is not there: this kernel refused its BPF program",
                                  plan.program));
      links.clear();
      return false;
    }
    auto link = attach_uprobes(mechanism_, program->second, path, pid, plan.points);
    if (!link) {
      log::debug(link.error().message);
      if (refused_.size() < kMaxRefused) refused_.insert(link.error().message);
      links.clear();
      return false;
    }
    links.push_back(std::move(*link));
  }
  return true;
}

void RuntimeProbes::forget(uint32_t pid) { processes_.erase(pid); }

size_t RuntimeProbes::attached_links() const {
  size_t count = 0;
  for (const auto& [pid, process] : processes_)
    for (const auto& [file, links] : process) count += links.size();
  return count;
}

}  // namespace tacit::probe
