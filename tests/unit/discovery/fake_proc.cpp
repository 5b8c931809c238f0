// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/discovery/fake_proc.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace tacit::discovery {
namespace {

namespace fs = std::filesystem;

void put(const fs::path& path, std::string_view bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

void link(const fs::path& path, const std::string& target) {
  fs::create_directories(path.parent_path());
  fs::remove(path);
  fs::create_symlink(target, path);
}

std::string socket_table(const FakeProcess& process) {
  std::string out = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when …\n";
  int slot = 0;
  for (const auto& [inode, port] : process.listeners)
    out += fmt::format("{:4}: 0100007F:{:04X} 00000000:0000 0A 00000000:00000000 00:00000000 "
                       "00000000     0        0 {} 1 0000000000000000 100 0 0 10 0\n",
                       slot++, port, inode);
  // A connection of the same socket's port: no listener.
  out += "   9: 0100007F:0050 0100007F:9999 01 00000000:00000000 00:00000000 00000000 0 0 77 1 0\n";
  return out;
}

}  // namespace

std::string joined(const std::vector<std::string>& pieces) {
  std::string out;
  for (const auto& piece : pieces) out.append(piece).push_back('\0');
  return out;
}

FakeProc::FakeProc() {
  char name[] = "/tmp/tacit-proc-XXXXXX";
  root_ = ::mkdtemp(name);
}

FakeProc::~FakeProc() { fs::remove_all(root_); }

void FakeProc::add(const FakeProcess& p) {
  const fs::path home = fs::path(root_) / std::to_string(p.pid);
  put(home / "stat",
      fmt::format("{} ({}) S {} 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 {} 1000 10\n", p.pid,
                  p.comm, p.parent, p.start_ticks));
  put(home / "cmdline", joined(p.args));
  put(home / "environ", joined(p.environment));
  put(home / "cgroup", p.cgroup);
  put(home / "net/tcp", socket_table(p));
  put(home / "net/tcp6", "  sl  local_address\n");
  if (!p.exe.empty()) link(home / "exe", p.exe);
  link(home / "cwd", p.cwd);
  link(home / "ns/net", p.net_ns);
  link(home / "fd/0", "/dev/null");
  int fd = 3;
  for (const auto& [inode, port] : p.listeners)
    link(home / "fd" / std::to_string(fd++), fmt::format("socket:[{}]", inode));
  fs::create_directories(home / "root");
}

void FakeProc::remove(uint32_t pid) { fs::remove_all(fs::path(root_) / std::to_string(pid)); }

void FakeProc::write(uint32_t pid, std::string_view name, std::string_view bytes) {
  put(fs::path(root_) / std::to_string(pid) / name, bytes);
}

std::string FakeProc::inside(uint32_t pid) const {
  return root_ + "/" + std::to_string(pid) + "/root";
}

void FakeProc::write_inside(uint32_t pid, std::string_view path, std::string_view bytes) {
  put(inside(pid) + std::string(path), bytes);
}

}  // namespace tacit::discovery
