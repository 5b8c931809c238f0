// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/proc_fs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "agent/base/fd.h"
#include "tests/unit/discovery/fake_proc.h"

namespace tacit::discovery {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ProcFsTest : public ::testing::Test {
 protected:
  FakeProc fake_;
  ProcFs proc_{fake_.root()};
};

TEST_F(ProcFsTest, ReadsWhatAProcessIs) {
  FakeProcess p;
  p.pid = 42;
  p.parent = 7;
  p.start_ticks = 123456789012;
  p.comm = "evil) R 1 (x";
  p.exe = "/opt/app (deleted)";
  p.args = {"app", "", "a b"};
  p.cwd = "/srv/shop";
  p.environment = {"SECRET=1", "OTEL_SERVICE_NAME=shop", "TRACEPARENT=00-1", "OTEL_SERVICE_NAME=x",
                   "OTEL_RESOURCE_ATTRIBUTES=a=b"};
  fake_.add(p);
  const auto stat = proc_.stat(42);
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->comm, "evil) R 1 (x");
  EXPECT_EQ(stat->parent_pid, 7u);
  EXPECT_EQ(stat->start_ticks, 123456789012u);
  EXPECT_EQ(proc_.exe(42), "/opt/app");
  EXPECT_EQ(proc_.cwd(42), "/srv/shop");
  EXPECT_THAT(proc_.args(42), ElementsAre("app", "", "a b"));
  const auto environment = proc_.environment(42);
  EXPECT_EQ(environment.service_name, "shop");
  EXPECT_EQ(environment.traceparent, "00-1");
  EXPECT_EQ(environment.resource_attributes, "a=b");
  EXPECT_THAT(proc_.pids(), ElementsAre(42));
}

TEST_F(ProcFsTest, AProcessThatIsGoneIsEmptyEverywhere) {
  ListenerTables tables;
  EXPECT_FALSE(proc_.stat(1).has_value());
  EXPECT_EQ(proc_.exe(1), "");
  EXPECT_EQ(proc_.cwd(1), "");
  EXPECT_THAT(proc_.args(1), IsEmpty());
  EXPECT_EQ(proc_.environment(1).service_name, "");
  EXPECT_EQ(proc_.cgroup_text(1), "");
  EXPECT_THAT(proc_.listening_ports(1, tables), IsEmpty());
  EXPECT_FALSE(proc_.is_go(1));
  EXPECT_FALSE(proc_.read_inside(1, "/etc/passwd", 1000).has_value());
  EXPECT_THAT(ProcFs("/nonexistent").pids(), IsEmpty());
}

TEST_F(ProcFsTest, BrokenStatIsRefused) {
  for (const char* text : {"", "42", "42 (x", "42 x) S 1", "42 (x) S", "42 (x) S a 1 1",
                           "42 (x) S 1 1 1 0 -1 1 1 0 0 0 0 0 0 0 20 0 1 0 zz"}) {
    fake_.write(42, "stat", text);
    EXPECT_FALSE(proc_.stat(42).has_value()) << text;
  }
}

TEST_F(ProcFsTest, ListeningPortsAreTheProcessesOwn) {
  FakeProcess p;
  p.pid = 42;
  p.listeners = {{500, 8080}, {501, 80}};
  fake_.add(p);
  FakeProcess other = p;
  other.pid = 43;
  other.listeners = {};
  fake_.add(other);
  ListenerTables tables;
  EXPECT_THAT(proc_.listening_ports(42, tables), ElementsAre(80, 8080));
  EXPECT_THAT(proc_.listening_ports(43, tables), IsEmpty());
  EXPECT_EQ(tables.size(), 1u);
}

TEST_F(ProcFsTest, EachNetworkNamespaceHasItsOwnTable) {
  FakeProcess p;
  p.pid = 42;
  p.listeners = {{500, 8080}};
  fake_.add(p);
  p.pid = 43;
  p.net_ns = "net:[2]";
  p.listeners = {{500, 9090}};
  fake_.add(p);
  ListenerTables tables;
  EXPECT_THAT(proc_.listening_ports(42, tables), ElementsAre(8080));
  EXPECT_THAT(proc_.listening_ports(43, tables), ElementsAre(9090));
}

TEST_F(ProcFsTest, ReadsFilesInsideTheProcessesRootOnly) {
  FakeProcess p;
  p.pid = 42;
  fake_.add(p);
  fake_.write_inside(42, "/srv/package.json", "{}");
  fake_.write_inside(42, "/etc/passwd", "inside");
  EXPECT_EQ(proc_.read_inside(42, "/srv/package.json", 10), "{}");
  const auto root = fake_.inside(42);
  std::filesystem::create_symlink("/etc/passwd", root + "/link");
  EXPECT_EQ(proc_.read_inside(42, "/link", 10), "inside");
  EXPECT_EQ(proc_.read_inside(42, "/../../../../etc/passwd", 10), "inside");
  EXPECT_FALSE(proc_.read_inside(42, "/etc/passwd", 5).has_value());  // too large
  EXPECT_FALSE(proc_.read_inside(42, "/srv", 10).has_value());        // a folder
  ASSERT_EQ(::mkfifo((root + "/pipe").c_str(), 0600), 0);
  EXPECT_FALSE(proc_.read_inside(42, "/pipe", 10).has_value());
}

TEST_F(ProcFsTest, HugeInputsAreBounded) {
  FakeProcess p;
  p.pid = 42;
  fake_.add(p);
  std::string many;
  for (int i = 0; i < 20'000; ++i) many += std::string("a\0", 2);
  fake_.write(42, "cmdline", many);
  EXPECT_EQ(proc_.args(42).size(), 1024u);
  fake_.write(42, "cmdline", std::string(1 << 20, 'a'));
  EXPECT_EQ(proc_.args(42).at(0).size(), 32u * 1024);
  fake_.write(42, "environ", "OTEL_SERVICE_NAME=" + std::string(100'000, 'a'));
  EXPECT_EQ(proc_.environment(42).service_name.size(), 4096u);
}

TEST(ProcFs, ReadsThisVeryProcess) {
  const ProcFs proc;
  const auto pid = static_cast<uint32_t>(::getpid());
  const auto stat = proc.stat(pid);
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->parent_pid, static_cast<uint32_t>(::getppid()));
  EXPECT_EQ(proc.exe(pid), std::filesystem::read_symlink("/proc/self/exe").string());
  EXPECT_FALSE(proc.is_go(pid));
}

TEST(ProcFs, FindsTheListenersOfThisVeryProcess) {
  std::vector<uint16_t> opened;
  std::vector<Fd> sockets;
  for (const sa_family_t family : {AF_INET, AF_INET6}) {
    Fd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::listen(fd.get(), 1) != 0) continue;  // a host without IPv6
    sockaddr_in6 address{};
    socklen_t size = sizeof address;
    ASSERT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    opened.push_back(ntohs(address.sin6_port));  // where sockaddr_in has its port, too
    sockets.push_back(std::move(fd));
  }
  std::sort(opened.begin(), opened.end());
  ListenerTables tables;
  EXPECT_EQ(ProcFs().listening_ports(static_cast<uint32_t>(::getpid()), tables), opened);
}

}  // namespace
}  // namespace tacit::discovery
