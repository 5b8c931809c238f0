// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/image_reader.h"

#include "agent/discovery/container_id.h"
#include "agent/discovery/program_name.h"
#include "agent/discovery/service_name.h"

namespace tacit::discovery {
namespace {

constexpr size_t kMaxPackageBytes = 64 * 1024;
constexpr size_t kMaxExeBytes = 4096;

bool whole(std::string_view captured, uint32_t total) { return captured.size() >= total; }

Launch outline_launch(const ProcessImage& image) {
  return {image.exe, image.args, image.cwd, nullptr};
}

}  // namespace

ImageReader::ImageReader(const ProcFs& proc, std::string service_name, uint32_t own_pid)
    : proc_(proc), container_names_(proc), service_name_(std::move(service_name)) {
  const auto paths = cgroup_paths(proc.cgroup_text(own_pid));
  own_container_ = container_id(paths);
  own_unit_ = systemd_unit(paths);
}

std::shared_ptr<ProcessImage> ImageReader::outline(uint32_t pid, const ExecFacts* facts, bool alive,
                                                   const ProcessImage* before) {
  auto image = std::make_shared<ProcessImage>();
  image->leader_pid = pid;
  if (alive) image->exe = proc_.exe(pid).substr(0, kMaxExeBytes);
  if (facts != nullptr) {
    image->comm = facts->comm;
    image->args = split_nul(facts->args);
  }
  if (alive && (facts == nullptr || !whole(facts->args, facts->args_total)))
    if (auto args = proc_.args(pid); !args.empty()) image->args = std::move(args);
  if (alive) image->cgroups = cgroup_paths(proc_.cgroup_text(pid));
  if (image->cgroups.empty() && before != nullptr) image->cgroups = before->cgroups;
  image->container_id = container_id(image->cgroups);
  if (!image->container_id.empty())
    image->container_name = container_names_.find(image->container_id);
  image->systemd_unit = systemd_unit(image->cgroups);
  return image;
}

void ImageReader::complete(ProcessImage& image, uint32_t pid, const ExecFacts* facts, bool alive,
                           const ProcessImage* before, const ProcessImage* parent,
                           std::string_view selector_name) {
  if (alive) image.cwd = proc_.cwd(pid);
  // A process forks with its parent's working directory and rarely changes it before its exec.
  if (image.cwd.empty() && before != nullptr) image.cwd = before->cwd;
  if (facts != nullptr) image.environment = pick_environment(facts->environment);
  if (alive && (facts == nullptr || !whole(facts->environment, facts->environment_total)))
    image.environment = proc_.environment(pid);
  const auto launch = launch_of(image, pid, alive);
  image.runtime = detect_runtime(launch);
  if (image.runtime == Runtime::kUnknown && alive && proc_.is_go(pid)) image.runtime = Runtime::kGo;
  if (parent != nullptr && !parent->service_name.empty() && continues_parent(image)) {
    image.service_name = parent->service_name;
    image.leader_pid = parent->leader_pid;
    return;
  }
  const auto program = program_name(launch, image.runtime);
  NameCandidates names;
  names.configured = service_name_;
  names.selector = selector_name;
  names.environment = &image.environment;
  if (image.container_id != own_container_) names.container = image.container_name;
  if (image.systemd_unit != own_unit_) names.unit = image.systemd_unit;
  names.program = program == "unknown_service" && !image.comm.empty() ? image.comm : program;
  image.service_name = choose_service_name(names);
}

bool ImageReader::continues_parent(const ProcessImage& image) {
  const auto launch = outline_launch(image);
  return belongs_to_parent(launch, detect_runtime(launch));
}

Launch ImageReader::launch_of(const ProcessImage& image, uint32_t pid, bool alive) const {
  auto launch = outline_launch(image);
  if (alive)
    launch.read = [this, pid](const std::string& path) {
      return proc_.read_inside(pid, path, kMaxPackageBytes);
    };
  return launch;
}

}  // namespace tacit::discovery
