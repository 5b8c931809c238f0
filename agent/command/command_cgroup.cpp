// SPDX-License-Identifier: Apache-2.0
#include "agent/command/command_cgroup.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "agent/base/log.h"
#include "agent/probe/cgroup_path.h"

namespace tacit::command {
namespace {

constexpr char kMembers[] = "/cgroup.procs";
// Processes that are about to end keep it busy for a moment.
constexpr int kAttempts = 40;
constexpr useconds_t kBetweenAttemptsUs = 25'000;

bool move(const std::string& directory, pid_t pid) {
  std::ofstream members(directory + kMembers);
  members << pid << std::flush;
  return members.good();
}

}  // namespace

CommandCgroup::CommandCgroup(std::string parent, std::string directory)
    : parent_(std::move(parent)), directory_(std::move(directory)) {}

CommandCgroup::CommandCgroup(CommandCgroup&& other) noexcept
    : parent_(std::move(other.parent_)), directory_(std::exchange(other.directory_, {})) {}

Result<CommandCgroup> CommandCgroup::make(pid_t pid) {
  const auto mount = probe::cgroup_mount();
  if (!mount) return std::unexpected(mount.error());
  const auto own = probe::cgroup_of(static_cast<uint32_t>(::getpid()));
  if (!own) return std::unexpected(own.error());
  const std::string parent = *mount + (*own == "/" ? "" : *own);
  const std::string directory = fmt::format("{}/tacit-{}", parent, pid);
  if (::mkdir(directory.c_str(), 0755) != 0)
    return fail(fmt::format("cannot make the cgroup {}: {}", log::escape(directory),
                            std::strerror(errno)));
  CommandCgroup made(parent, directory);
  if (!move(directory, pid))
    return fail(fmt::format("cannot move the command to the cgroup {}: {}", log::escape(directory),
                            std::strerror(errno)));
  return made;
}

CommandCgroup::~CommandCgroup() {
  if (directory_.empty()) return;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (attempt != 0) ::usleep(kBetweenAttemptsUs);
    std::ifstream members(directory_ + kMembers);
    for (pid_t pid = 0; members >> pid;) move(parent_, pid);
    if (::rmdir(directory_.c_str()) == 0 || errno == ENOENT) return;
  }
  log::warn(fmt::format("the cgroup {} stays: {}", log::escape(directory_), std::strerror(errno)));
}

}  // namespace tacit::command
