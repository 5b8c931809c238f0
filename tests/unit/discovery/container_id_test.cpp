// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/container_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tacit::discovery {
namespace {

using ::testing::ElementsAre;

const std::string kId = "3f2a9c01d2ab4455667788990011223344556677889900aabbccddeeff001122";
const std::string kOther = "0000000000004455667788990011223344556677889900aabbccddeeff001122";

std::string id_of(const std::string& file) { return container_id(cgroup_paths(file)); }
std::string unit_of(const std::string& file) { return systemd_unit(cgroup_paths(file)); }

TEST(CgroupPaths, PutsTheMostTellingFirst) {
  EXPECT_THAT(cgroup_paths("9:name=systemd:/\n4:memory:/a/b\n3:cpu:/a\n0::/\n"),
              ElementsAre("/a/b", "/a", "/"));
  EXPECT_THAT(cgroup_paths("3:cpu:/c\n1:name=systemd:/s\n0::/u\n"), ElementsAre("/u", "/s", "/c"));
  EXPECT_THAT(cgroup_paths(""), ElementsAre());
  EXPECT_THAT(cgroup_paths("nonsense\n0:\n::/x:y\n"), ElementsAre("/x:y"));
}

TEST(CgroupPaths, AreBounded) {
  std::string file;
  for (int i = 0; i < 100; ++i) file += "1:cpu:/" + std::to_string(i) + "\n";
  EXPECT_EQ(cgroup_paths(file).size(), 16u);
}

TEST(ContainerId, KnowsTheUsualPaths) {
  for (const std::string& path :
       {"/system.slice/docker-" + kId + ".scope", "/docker/" + kId,
        "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice/"
        "cri-containerd-" + kId + ".scope",
        "/kubepods.slice/kubepods-pod1.slice/crio-" + kId + ".scope",
        "/kubepods/besteffort/pod12345678-1234-1234-1234-123456789012/" + kId,
        "/machine.slice/libpod-" + kId + ".scope",
        "/machine.slice/libpod-" + kId + ".scope/container",
        "/libpod_parent/libpod-" + kId, "/default/" + kId,
        "/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:" + kId,
        "/docker/" + kId + "/init.scope", "/docker/" + kOther + "/docker/" + kId})
    EXPECT_EQ(id_of("0::" + path + "\n"), kId) << path;
}

TEST(ContainerId, FindsItInCgroupV1AndHybridFiles) {
  EXPECT_EQ(id_of("12:cpu,cpuacct:/docker/" + kId + "\n1:name=systemd:/docker/" + kId + "\n"), kId);
  EXPECT_EQ(id_of("4:memory:/default/" + kId + "\n1:name=systemd:/\n0::/\n"), kId);
}

TEST(ContainerId, KnowsLxc) {
  EXPECT_EQ(id_of("0::/lxc.payload.web1/system.slice/a.service\n"), "web1");
  EXPECT_EQ(id_of("1:name=systemd:/lxc/web1\n"), "web1");
}

TEST(ContainerId, IsNotFooled) {
  for (const std::string& path :
       {std::string("/"), "/" + kId.substr(1), "/x" + kId,
        "/system.slice/crio-conmon-" + kId + ".scope",
        "/machine.slice/libpod-conmon-" + kId + ".scope",
        "/docker/" + kId.substr(0, 63) + "G", std::string("/user.slice/session-1.scope")})
    EXPECT_EQ(id_of("0::" + path + "\n"), "") << path;
}

TEST(SystemdUnit, NamesTheService) {
  EXPECT_EQ(unit_of("0::/system.slice/billing.service\n"), "billing.service");
  EXPECT_EQ(unit_of("0::/system.slice/system-pg.slice/pg@15.service/worker\n"), "pg@15.service");
  EXPECT_EQ(unit_of("1:name=systemd:/system.slice/a.service\n0::/\n"), "a.service");
  EXPECT_EQ(unit_of("0::/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service\n"),
            "shop.service");
}

TEST(SystemdUnit, LeavesOutWhatOnlyStartsOthers) {
  for (const char* path :
       {"/user.slice/user-0.slice/session-3.scope", "/init.scope", "/system.slice/docker.service",
        "/system.slice/containerd.service", "/system.slice/cron.service",
        "/system.slice/ssh.service", "/system.slice/system-sshd.slice/sshd@1-2.service",
        "/user.slice/user-1000.slice/user@1000.service/init.scope",
        "/system.slice/run-u12.service", "/", "/docker/abc"})
    EXPECT_EQ(unit_of(std::string("0::") + path + "\n"), "") << path;
}

}  // namespace
}  // namespace tacit::discovery
