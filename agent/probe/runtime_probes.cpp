// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/runtime_probes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "agent/base/fd.h"
#include "agent/base/log.h"

namespace tacit::probe {
namespace {

// Files and sentences that are remembered; beyond it the oldest knowledge is made anew.
constexpr size_t kMaxImages = 4096;
constexpr size_t kMaxRefused = 256;
constexpr size_t kClosingThreads = 4;
// Of perf events, which are closed more slowly than they are made: some 8 processes with CUDA.
constexpr size_t kMaxWaitingLinks = 4096;

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

RuntimeProbes::RuntimeProbes(UprobeMechanism mechanism, const runtime::Interests& interests,
                             SetRuntime set_runtime)
    : mechanism_(mechanism),
      interests_(interests),
      set_runtime_(std::move(set_runtime)),
      closer_(mechanism == UprobeMechanism::kPerfEvent ? 1 : kClosingThreads) {}

void RuntimeProbes::add_program(const std::string& name, int fd) { programs_[name] = fd; }

Inspection RuntimeProbes::inspect(uint32_t pid) {
  if (!interests_.any()) return {};
  const auto images = runtime::mapped_images(pid);
  if (images.empty()) return {};
  const uint64_t executable = executable_inode(pid);
  const bool glibc = std::any_of(images.begin(), images.end(), [](const auto& image) {
    return image.name.starts_with("ld-linux");
  });
  const auto [entry, is_first_look] = processes_.try_emplace(pid);
  Process& process = entry->second;
  const LinkCloser::Pause pause(closer_);
  for (const auto& image : images)
    if (image.file.inode == executable || runtime::may_be_known(image.name, interests_))
      look_at(pid, image, glibc, process);
  if (!process.provided.empty()) attach_more(pid, process);
  return {.runtime = static_cast<runtime_kind>(process.told.runtime.kind),
          .found_torch = is_first_look && (process.told.flags & FOLLOWED_FILES) != 0};
}

void RuntimeProbes::look_at(uint32_t pid, const runtime::MappedImage& mapped, bool glibc,
                            Process& process) {
  // Held open: while a library is being loaded its mappings are cut up, and their names are gone.
  const Fd file(::open(runtime::path_of(pid, mapped).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!file.valid() || ::fstat(file.get(), &status) != 0) return;
  const FileVersion version{
      status.st_dev, status.st_ino, static_cast<uint64_t>(status.st_size),
      static_cast<uint64_t>(status.st_mtim.tv_sec) * 1'000'000'000 +
          static_cast<uint64_t>(status.st_mtim.tv_nsec)};
  auto [entry, is_new] = process.images.try_emplace(version);
  Image& image = entry->second;
  image.path = runtime::path_of(pid, mapped);  // a mapping may have moved since
  if (!is_new) return;
  const auto path = fmt::format("/proc/self/fd/{}", file.get());
  image.known = known(path, mapped.name, version);
  if (image.known->needs_glibc && !glibc)
    return refuse(mapped.name + ": tasks are not told apart: the process does not use glibc");
  if (!image.known->provides.empty()) process.provided.insert(image.known->provides);
  // All or none: half of the creations would leave tasks with the wrong ancestors.
  for (const auto& plan : image.known->probes)
    if (plan.needs.empty() && !attach(pid, plan, path, image)) return detach(image);
  if (!image.known->probes.empty())
    log::debug(fmt::format("process {}: the probes in {} are in place", pid,
                           log::escape(mapped.name.data(), mapped.name.size())));
  if (image.known->trains) process.told.flags |= FOLLOWED_FILES;
  if (image.known->layout.kind != RUNTIME_UNKNOWN)
    process.told.runtime =
        moved(image.known->layout, runtime::load_bias(image.known->segments, mapped.start,
                                                      mapped.file_offset));
  if (image.known->trains || image.known->layout.kind != RUNTIME_UNKNOWN)
    set_runtime_(pid, process.told);
}

// What matters only once another image is there.
void RuntimeProbes::attach_more(uint32_t pid, Process& process) {
  for (auto& [version, image] : process.images)
    for (const auto& plan : image.known->probes)
      if (process.provided.contains(plan.needs) && !image.attached.contains(plan.program))
        attach(pid, plan, image.path, image);
}

bool RuntimeProbes::attach(uint32_t pid, const runtime::ProbePlan& plan, const std::string& path,
                           Image& image) {
  image.attached.insert(plan.program);
  const auto program = programs_.find(plan.program);
  if (program == programs_.end()) {
    refuse(plan.program + " is not there: this kernel refused its BPF program");
    return false;
  }
  if (closer_.waiting() > kMaxWaitingLinks) {
    refuse("this kernel detaches uprobes one after the other: as long as more than 4096 wait for it, "
           "processes are not looked into");
    return false;
  }
  auto link = attach_uprobes(mechanism_, program->second, path, pid, plan.points);
  if (!link) {
    const bool ended = ::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH;
    if (!ended) refuse(link.error().message);
    return false;
  }
  image.links.push_back(std::move(*link));
  return true;
}

bool RuntimeProbes::attached(uint32_t pid, const std::string& program) const {
  const auto process = processes_.find(pid);
  if (process == processes_.end()) return false;
  const auto& images = process->second.images;
  return std::any_of(images.begin(), images.end(), [&](const auto& entry) {
    return !entry.second.links.empty() && entry.second.attached.contains(program);
  });
}

void RuntimeProbes::refuse(const std::string& sentence) {
  if (refused_.size() >= kMaxRefused || !refused_.insert(sentence).second) return;
  refused_count_.store(refused_.size(), std::memory_order_relaxed);
  log::debug(log::escape(sentence.data(), sentence.size()));
}

RuntimeProbes::Known RuntimeProbes::known(const std::string& path, const std::string& name,
                                          const FileVersion& version) {
  if (const auto found = images_.find(version); found != images_.end()) return found->second;
  if (images_.size() >= kMaxImages) images_.clear();
  auto made = std::make_shared<const runtime::KnownImage>(runtime::recognise(path, name, interests_));
  for (const auto& sentence : made->refused) refuse(name + ": " + sentence);
  images_.emplace(version, made);
  return made;
}

void RuntimeProbes::forget(uint32_t pid) {
  const auto found = processes_.find(pid);
  if (found == processes_.end()) return;
  for (auto& [version, image] : found->second.images) detach(image);
  processes_.erase(found);
}

RuntimeProbes::~RuntimeProbes() {
  for (auto& [pid, process] : processes_)
    for (auto& [version, image] : process.images) detach(image);
}

void RuntimeProbes::detach(Image& image) {
  for (auto& link : image.links) closer_.close(std::move(link));
  image.links.clear();
}

size_t RuntimeProbes::attached_links() const {
  size_t count = 0;
  for (const auto& [pid, process] : processes_)
    for (const auto& [file, image] : process.images) count += image.links.size();
  return count;
}

}  // namespace tacit::probe
