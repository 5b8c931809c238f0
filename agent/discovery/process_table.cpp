// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/process_table.h"

#include <unistd.h>

#include <algorithm>

namespace tacit::discovery {
namespace {

constexpr size_t kMaxProcesses = 65'536;
constexpr uint64_t kKeepExitedNs = 10'000'000'000;
constexpr int kMaxAncestors = 64;

uint64_t clock_tick_ns() {
  const long ticks_per_second = ::sysconf(_SC_CLK_TCK);
  return 1'000'000'000 / static_cast<uint64_t>(ticks_per_second > 0 ? ticks_per_second : 100);
}

void add_port(Process& process, uint16_t port) {
  auto& ports = process.listening_ports;
  const auto at = std::lower_bound(ports.begin(), ports.end(), port);
  if (at == ports.end() || *at != port) ports.insert(at, port);
  if (process.first_port == 0) process.first_port = port;
}

}  // namespace

ProcessTable::ProcessTable(ProcFs proc, SelectorSet selectors, std::string service_name)
    : proc_(std::move(proc)),
      selectors_(std::move(selectors)),
      images_(proc_, std::move(service_name), selectors_.own_pid()),
      ns_per_tick_(clock_tick_ns()) {
  for (const auto pid : selectors_.pids())
    if (const auto stat = proc_.stat(pid)) roots_.push_back({pid, stat->start_ticks});
}

std::vector<const Process*> ProcessTable::scan() {
  std::vector<uint32_t> found;
  ListenerTables tables;
  for (const auto pid : proc_.pids()) {
    if (pid == selectors_.own_pid()) continue;
    const auto stat = proc_.stat(pid);
    if (!stat) continue;
    const ProcessKey key{pid, stat->start_ticks};
    if (const auto* known = find(pid); known != nullptr && known->key == key) continue;
    auto image = images_.outline(pid, nullptr, true, nullptr);
    if (image->exe.empty() && image->args.empty()) continue;  // a kernel thread, or gone
    image->comm = stat->comm;
    Process process = candidate(key, stat->parent_pid);
    process.image = image;
    if (selectors_.wants_ports()) read_ports(process, tables);
    if (!select(process)) continue;
    if (!selectors_.wants_ports()) read_ports(process, tables);
    if (observe(std::move(process), std::move(image), nullptr, true, nullptr) != nullptr)
      found.push_back(pid);
  }
  std::vector<const Process*> out;
  for (const auto pid : found) out.push_back(find(pid));
  return out;
}

Verdict ProcessTable::on_exec(const ExecFacts& facts) {
  const ProcessKey key{facts.pid, ticks(facts.start_time_ns)};
  const auto stat = proc_.stat(facts.pid);
  const bool alive = stat && stat->start_ticks == key.start_ticks;
  const auto* self = find(facts.pid);
  if (self != nullptr && self->key != key) self = nullptr;
  const auto* from = self != nullptr ? self : find(facts.parent_pid);
  const auto before = from != nullptr ? from->image : nullptr;

  auto image = images_.outline(facts.pid, &facts, alive, before.get());
  Process process;
  process.key = key;
  process.parent_pid = facts.parent_pid;
  process.image = image;
  process.roots =
      from != nullptr ? inherited_roots(key, from) : roots_by_ancestry(key, facts.parent_pid);
  if (from != nullptr) process.selector = from->selector;
  // Listeners survive an exec where their descriptors do: socket activation, re-executing servers.
  ListenerTables tables;
  const bool may_listen = self != nullptr && !self->listening_ports.empty();
  if (alive && (may_listen || selectors_.wants_ports())) read_ports(process, tables);
  // Followed, and how it came to be was lost: a descendant of some pid selector for certain.
  const bool origin_lost =
      facts.followed && !roots_.empty() && (from == nullptr || !from->selector);
  const bool known = self != nullptr;
  if (!select(process) && !origin_lost) {
    forget(facts.pid);
    return {.unfollow = facts.followed};
  }
  const auto* observed =
      observe(std::move(process), std::move(image), &facts, alive, before.get());
  // An unknown process may have been unfollowed since the event was made: by the exec before.
  return {observed, observed != nullptr && !(facts.followed && known), false};
}

const Process* ProcessTable::on_fork(uint32_t parent_pid, uint32_t child_pid,
                                     uint64_t child_start_time_ns) {
  const ProcessKey key{child_pid, ticks(child_start_time_ns)};
  if (const auto* known = find(child_pid); known != nullptr && known->key == key) return known;
  const auto* parent = resolve(parent_pid);
  if (parent == nullptr) return resolve(child_pid);
  Process child = *parent;
  child.key = key;
  child.parent_pid = parent_pid;
  child.roots = inherited_roots(key, parent);
  child.exited = false;
  child.exit_code = 0;
  child.exit_time_ns = 0;
  return insert(std::move(child));
}

void ProcessTable::on_exit(uint32_t pid, uint64_t start_time_ns, uint32_t exit_code,
                           uint64_t time_ns) {
  const auto found = processes_.find(pid);
  if (found == processes_.end()) return;
  auto& process = *found->second;
  if (process.exited || process.key.start_ticks != ticks(start_time_ns)) return;
  process.exited = true;
  process.exit_code = exit_code;
  process.exit_time_ns = time_ns;
  exited_.push_back(process.key);
}

Verdict ProcessTable::on_listen(uint32_t pid, uint16_t port) {
  if (pid == selectors_.own_pid()) return {};
  if (const auto found = processes_.find(pid); found != processes_.end()) {
    auto& process = *found->second;
    const auto& ports = process.listening_ports;
    if (std::binary_search(ports.begin(), ports.end(), port)) return {&process, false, false};
    add_port(process, port);
    process.revision = ++last_revision_;
    return {&process, false, false};
  }
  if (!selectors_.wants_ports()) return {};
  const auto stat = proc_.stat(pid);
  if (!stat) return {};
  auto image = images_.outline(pid, nullptr, true, nullptr);
  image->comm = stat->comm;
  Process process = candidate({pid, stat->start_ticks}, stat->parent_pid);
  process.image = image;
  add_port(process, port);
  if (!select(process)) return {};
  const auto* observed = observe(std::move(process), std::move(image), nullptr, true, nullptr);
  return {observed, observed != nullptr, false};
}

const Process* ProcessTable::find(uint32_t pid) const {
  const auto found = processes_.find(pid);
  return found == processes_.end() ? nullptr : found->second.get();
}

const Process* ProcessTable::resolve(uint32_t pid) {
  const auto* known = find(pid);
  if (known != nullptr && !known->exited) return known;
  const auto stat = proc_.stat(pid);
  // Late events of a process that has exited, unless its pid is somebody else's by now.
  if (known != nullptr && (!stat || stat->start_ticks == known->key.start_ticks)) return known;
  if (!stat || pid == selectors_.own_pid()) return nullptr;
  auto image = images_.outline(pid, nullptr, true, nullptr);
  image->comm = stat->comm;
  Process process = candidate({pid, stat->start_ticks}, stat->parent_pid);
  process.image = image;
  ListenerTables tables;
  read_ports(process, tables);
  select(process);
  return observe(std::move(process), std::move(image), nullptr, true, nullptr);
}

void ProcessTable::sweep(uint64_t now_ns) {
  while (!exited_.empty()) {
    const auto key = exited_.front();
    const auto* process = find(key.pid);
    const bool current = process != nullptr && process->key == key;
    if (current && process->exit_time_ns + kKeepExitedNs > now_ns) return;
    if (current) forget(key.pid);
    exited_.pop_front();
  }
}

void ProcessTable::verify(uint64_t now_ns) {
  for (auto& [pid, process] : processes_) {
    if (process->exited) continue;
    const auto stat = proc_.stat(pid);
    if (stat && stat->start_ticks == process->key.start_ticks) continue;
    process->exited = true;
    process->exit_time_ns = now_ns;
    exited_.push_back(process->key);
  }
}

std::vector<const Process*> ProcessTable::running() const {
  std::vector<const Process*> out;
  for (const auto& [pid, process] : processes_)
    if (!process->exited) out.push_back(process.get());
  return out;
}

bool ProcessTable::is_root(const ProcessKey& key) const {
  return std::find(roots_.begin(), roots_.end(), key) != roots_.end();
}

std::vector<uint32_t> ProcessTable::inherited_roots(const ProcessKey& key,
                                                    const Process* from) const {
  auto roots = from->roots;
  const bool listed = std::find(roots.begin(), roots.end(), key.pid) != roots.end();
  if (is_root(key) && !listed) roots.push_back(key.pid);
  return roots;
}

// For processes that were not seen to be forked.
std::vector<uint32_t> ProcessTable::roots_by_ancestry(const ProcessKey& key,
                                                      uint32_t parent_pid) const {
  std::vector<uint32_t> roots;
  if (roots_.empty()) return roots;
  if (is_root(key)) roots.push_back(key.pid);
  for (int level = 0; level < kMaxAncestors && parent_pid > 0; ++level) {
    const auto stat = proc_.stat(parent_pid);
    if (!stat) break;
    if (is_root({parent_pid, stat->start_ticks})) roots.push_back(parent_pid);
    parent_pid = stat->parent_pid;
  }
  return roots;
}

std::shared_ptr<const ProcessImage> ProcessTable::parent_image(uint32_t parent_pid) {
  const auto* known = find(parent_pid);
  return known != nullptr ? known->image : nullptr;
}

void ProcessTable::read_ports(Process& process, ListenerTables& tables) const {
  for (const auto port : proc_.listening_ports(process.pid(), tables)) add_port(process, port);
}

Process ProcessTable::candidate(const ProcessKey& key, uint32_t parent_pid) {
  Process process;
  process.key = key;
  process.parent_pid = parent_pid;
  process.roots = roots_by_ancestry(key, parent_pid);
  return process;
}

// Sets process.selector; false: not to be observed.
bool ProcessTable::select(Process& process) {
  const auto before = process.selector;
  process.selector = selectors_.matches(process);
  if (process.selector) return true;
  if (!before || process.pid() == selectors_.own_pid() ||
      !ImageReader::continues_parent(*process.image))
    return false;
  process.selector = before;
  return true;
}

const Process* ProcessTable::observe(Process process, std::shared_ptr<ProcessImage> image,
                                     const ExecFacts* facts, bool alive,
                                     const ProcessImage* before) {
  const auto parent = parent_image(process.parent_pid);
  const std::string_view name =
      process.selector ? std::string_view(selectors_.at(*process.selector).name) : "";
  images_.complete(*image, process.pid(), facts, alive, before, parent.get(), name);
  process.image = std::move(image);
  process.revision = ++last_revision_;
  return insert(std::move(process));
}

Process* ProcessTable::insert(Process process) {
  if (processes_.size() >= kMaxProcesses && !processes_.contains(process.pid())) {
    while (processes_.size() >= kMaxProcesses && !exited_.empty()) {
      const auto key = exited_.front();
      exited_.pop_front();
      if (const auto* oldest = find(key.pid); oldest != nullptr && oldest->key == key)
        forget(key.pid);
    }
    if (processes_.size() >= kMaxProcesses) {
      ++refused_;
      return nullptr;
    }
  }
  auto& slot = processes_[process.pid()];
  slot = std::make_unique<Process>(std::move(process));
  return slot.get();
}

void ProcessTable::forget(uint32_t pid) { processes_.erase(pid); }

}  // namespace tacit::discovery
