// SPDX-License-Identifier: Apache-2.0
// A folder that looks like /proc, made of what a test says and removed with it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tacit::discovery {

struct FakeProcess {
  uint32_t pid = 0;
  uint32_t parent = 1;
  uint64_t start_ticks = 100;
  std::string comm = "comm";
  std::string exe = "/usr/bin/x";
  std::vector<std::string> args = {"x"};
  std::vector<std::string> environment;
  std::string cwd = "/";
  std::string cgroup = "0::/\n";
  std::string net_ns = "net:[1]";
  std::vector<std::pair<uint64_t, uint16_t>> listeners;  // inode, port; also in the socket table
};

class FakeProc {
 public:
  FakeProc();
  ~FakeProc();
  FakeProc(const FakeProc&) = delete;
  FakeProc& operator=(const FakeProc&) = delete;

  const std::string& root() const { return root_; }
  void add(const FakeProcess& process);
  void remove(uint32_t pid);
  void write(uint32_t pid, std::string_view name, std::string_view bytes);
  // A file inside the process's own root (/proc/PID/root).
  void write_inside(uint32_t pid, std::string_view path, std::string_view bytes);
  std::string inside(uint32_t pid) const;

 private:
  std::string root_;
};

std::string joined(const std::vector<std::string>& pieces);  // NUL after each

}  // namespace tacit::discovery
