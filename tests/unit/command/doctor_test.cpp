// SPDX-License-Identifier: Apache-2.0
#include "agent/command/doctor.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/base/fd.h"

namespace tacit::command {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Doctor : public ::testing::Test {
 protected:
  Doctor() {
    char name[] = "/tmp/tacit-doctor-XXXXXX";
    root_ = ::mkdtemp(name);
    files_ = {root_ + "/proc", root_ + "/sys"};
    put("/proc/sys/kernel/osrelease", "6.1.0-13-amd64\n");
    put("/sys/kernel/btf/vmlinux", std::string(123'456, 'x'));
    put("/proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\n");
    put("/proc/self/mounts", "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n");
    put("/proc/sys/kernel/bpf_stats_enabled", "0\n");
  }
  ~Doctor() override { fs::remove_all(root_); }

  void put(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }

  HostCheck find(const std::string& name) {
    for (auto& check : check_host(files_))
      if (check.name == name) return check;
    ADD_FAILURE() << "no check " << name;
    return {};
  }

  std::vector<std::string> failing() {
    std::vector<std::string> out;
    for (auto& check : check_host(files_))
      if (!check.ok) out.push_back(check.name);
    return out;
  }

  std::string root_;
  HostFiles files_;
};

TEST_F(Doctor, AGoodHostPassesEverything) {
  EXPECT_THAT(failing(), ElementsAre());
  EXPECT_EQ(find("kernel").detail, "6.1.0-13-amd64");
  EXPECT_EQ(find("BTF").detail, "/sys/kernel/btf/vmlinux, 0.1 MB");
  EXPECT_EQ(find("cgroup v2").detail, "/sys/fs/cgroup");
  std::ostringstream out;
  EXPECT_EQ(run_doctor({}, {}, out, false, files_), 0);
  EXPECT_THAT(out.str(), HasSubstr("\nThe main job can run.\n"));
}

TEST_F(Doctor, EveryFailedCheckSaysItsCostAndFix) {
  put("/proc/sys/kernel/osrelease", "5.10.0\n");
  put("/proc/self/status", "CapEff:\t0000000000000000\n");
  put("/proc/self/mounts", "");
  put("/sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
  fs::remove(root_ + "/sys/kernel/btf/vmlinux");
  fs::remove(root_ + "/proc/sys/kernel/bpf_stats_enabled");
  EXPECT_THAT(failing(),
              ElementsAre("kernel", "BTF", "capabilities", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH",
                          "lockdown", "cgroup v2", "BPF statistics"));
  for (const auto& check : check_host(files_)) {
    EXPECT_EQ(check.ok, check.cost.empty()) << check.name;
    EXPECT_EQ(check.ok, check.fix.empty()) << check.name;
    EXPECT_LE(check.name.size(), 20u);
  }
  std::ostringstream out;
  EXPECT_EQ(run_doctor({}, {}, out, false, files_), 1);
  EXPECT_THAT(out.str(), HasSubstr("\nThe main job cannot run: kernel, BTF, capabilities, "
                                   "lockdown.\n"));
}

TEST_F(Doctor, BpfAndPerfmonAreEnough) {
  put("/proc/self/status", "CapEff:\t000000c000000000\n");
  EXPECT_TRUE(find("capabilities").ok);
  EXPECT_EQ(find("capabilities").detail, "CAP_BPF, CAP_PERFMON");
  EXPECT_FALSE(find("BPF statistics").ok);
  put("/proc/self/status", "CapEff:\t0000008000000000\n");  // CAP_BPF alone
  EXPECT_FALSE(find("capabilities").ok);
}

TEST_F(Doctor, KernelVersionsAtTheLimit) {
  for (const auto& [release, ok] :
       {std::pair{"5.15.0", true}, {"5.14.21", false}, {"6.0", true}, {"10.1-x", true},
        {"x", false}}) {
    put("/proc/sys/kernel/osrelease", release);
    EXPECT_EQ(find("kernel").ok, ok) << release;
  }
}

TEST_F(Doctor, AFailedProbeFailsTheMainJob) {
  HostCheck probe{"probes", false, true, "refused", "everything", "none"};
  std::ostringstream out;
  EXPECT_EQ(run_doctor({probe}, {}, out, false, files_), 1);
  EXPECT_THAT(out.str(), HasSubstr("MISS probes"));
  probe.required = false;
  EXPECT_EQ(run_doctor({probe}, {}, out, false, files_), 0);
}

TEST(DoctorFormat, AlignsAndColours) {
  const std::vector<HostCheck> checks = {{"BTF", true, true, "there", "", ""},
                                         {"cgroup v2", false, false, "not there", "a", "b"},
                                         {"kernel", false, true, "old", "all", "new"}};
  EXPECT_EQ(format_checks(checks, false),
            "ok   BTF        there\n"
            "warn cgroup v2  not there; costs: a; fix: b\n"
            "MISS kernel     old; costs: all; fix: new\n"
            "The main job cannot run: kernel.\n");
  EXPECT_THAT(format_checks({checks[0]}, true), HasSubstr("\x1b[32mok  \x1b[0m BTF  there\n"));
}

TEST(DoctorDestinations, TellReachableFromRefused) {
  Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  config::Config config;
  config.otlp_traces.endpoint =
      "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/v1/traces";
  auto checks = check_destinations(config);
  ASSERT_EQ(checks.size(), 1u);
  EXPECT_TRUE(checks[0].ok) << checks[0].detail;
  listener.reset();
  checks = check_destinations(config);
  EXPECT_FALSE(checks[0].ok);
  EXPECT_FALSE(checks[0].required);
  EXPECT_THAT(checks[0].detail, HasSubstr("Connection refused"));
  EXPECT_THAT(check_destinations({}), ElementsAre());
}

}  // namespace
}  // namespace tacit::command
