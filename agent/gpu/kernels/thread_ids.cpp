// SPDX-License-Identifier: Apache-2.0
#include "agent/gpu/kernels/thread_ids.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <memory>
#include <string_view>
#include <vector>

#include "agent/base/fd.h"

namespace tacit::gpu {
namespace {

constexpr size_t kMaxProcesses = 1024;
constexpr size_t kMaxThreads = 4096;
constexpr uint64_t kReadEveryNs = 1'000'000'000;

// The numbers of the NSpid line, outermost namespace first; empty: the file is gone.
std::vector<uint32_t> name_space_ids(const std::string& status_path) {
  const Fd fd(::open(status_path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> text{};
  const ssize_t n = fd.valid() ? ::read(fd.get(), text.data(), text.size()) : -1;
  std::string_view rest(text.data(), n > 0 ? static_cast<size_t>(n) : 0);
  constexpr std::string_view kLine = "\nNSpid:";
  const size_t line = rest.find(kLine);
  if (line == std::string_view::npos) return {};
  rest = rest.substr(line + kLine.size());
  rest = rest.substr(0, rest.find('\n'));
  std::vector<uint32_t> ids;
  while (!rest.empty()) {
    uint32_t id = 0;
    const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), id);
    if (parsed.ec == std::errc()) {
      ids.push_back(id);
      rest.remove_prefix(static_cast<size_t>(parsed.ptr - rest.data()));
    } else {
      rest.remove_prefix(1);
    }
  }
  return ids;
}

}  // namespace

uint32_t ThreadIds::host_tid(uint32_t pid, uint32_t own_tid, uint64_t now_ns) {
  if (own_tid == 0) return 0;
  auto found = processes_.find(pid);
  if (found == processes_.end()) {
    if (processes_.size() >= kMaxProcesses) processes_.clear();
    found = processes_.try_emplace(pid).first;
  }
  Process& process = found->second;
  if (process.same_names) return own_tid;
  const auto thread = process.threads.find(own_tid);
  if (thread != process.threads.end()) return thread->second;
  if (now_ns < process.next_read_ns) return 0;
  process.next_read_ns = now_ns + kReadEveryNs;
  read(pid, process);
  if (process.same_names) return own_tid;
  const auto again = process.threads.find(own_tid);
  return again != process.threads.end() ? again->second : 0;
}

void ThreadIds::read(uint32_t pid, Process& process) const {
  const std::string place = root_ + "/" + std::to_string(pid);
  if (!process.known) {
    const auto own = name_space_ids(place + "/status");
    process.known = !own.empty();
    process.same_names = own.size() == 1;
    if (process.same_names) return;
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> tasks(::opendir((place + "/task").c_str()), ::closedir);
  if (!tasks) return;
  process.threads.clear();  // numbers are used again
  while (const dirent* entry = ::readdir(tasks.get())) {
    if (entry->d_name[0] == '.' || process.threads.size() >= kMaxThreads) continue;
    const auto ids = name_space_ids(place + "/task/" + entry->d_name + "/status");
    if (!ids.empty()) process.threads.emplace(ids.back(), ids.front());
  }
}

}  // namespace tacit::gpu
