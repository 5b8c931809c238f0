// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/selector.h"

#include <gtest/gtest.h>

namespace tacit::discovery {
namespace {

constexpr uint32_t kAgent = 999;

Process nginx() {
  auto image = std::make_shared<ProcessImage>();
  image->exe = "/usr/sbin/nginx";
  image->args = {"nginx", "-g", "daemon off;"};
  image->cgroups = {"/system.slice/nginx.service", "/"};
  image->container_id = "3f2a9c01d2ab";
  image->container_name = "web";
  Process process;
  process.key = {42, 1};
  process.image = image;
  process.listening_ports = {80, 443};
  process.roots = {7};
  return process;
}

std::optional<size_t> match(config::Selector selector, const Process& process = nginx()) {
  return SelectorSet({std::move(selector)}, kAgent).matches(process);
}

config::Selector with(std::string config::Selector::*field, const char* glob) {
  config::Selector selector;
  selector.*field = glob;
  return selector;
}

using S = config::Selector;

TEST(Selector, Exe) {
  EXPECT_TRUE(match(with(&S::exe, "/usr/sbin/nginx")));
  EXPECT_TRUE(match(with(&S::exe, "*/nginx")));
  EXPECT_TRUE(match(with(&S::exe, "nginx")));
  EXPECT_TRUE(match(with(&S::exe, "ng*")));
  EXPECT_FALSE(match(with(&S::exe, "/usr/bin/nginx")));
  EXPECT_FALSE(match(with(&S::exe, "sbin/nginx")));
}

TEST(Selector, AnUnseenExecutableIsTakenFromArgsWhereThatIsAPath) {
  auto process = nginx();
  ProcessImage image;
  image.args = {"/usr/sbin/nginx"};
  process.image = std::make_shared<ProcessImage>(image);
  EXPECT_TRUE(match(with(&S::exe, "*/nginx"), process));
  image.args = {"nginx"};
  process.image = std::make_shared<ProcessImage>(image);
  EXPECT_FALSE(match(with(&S::exe, "*nginx"), process));
}

TEST(Selector, CommandLine) {
  EXPECT_TRUE(match(with(&S::cmd, "nginx -g daemon off;")));
  EXPECT_TRUE(match(with(&S::cmd, "*daemon*")));
  EXPECT_FALSE(match(with(&S::cmd, "daemon")));
}

TEST(Selector, CgroupAndContainer) {
  EXPECT_TRUE(match(with(&S::cgroup, "/system.slice/*")));
  EXPECT_FALSE(match(with(&S::cgroup, "/user.slice/*")));
  EXPECT_TRUE(match(with(&S::container, "web")));
  EXPECT_TRUE(match(with(&S::container, "3f2a9c01")));
  EXPECT_TRUE(match(with(&S::container, "3f2*")));
  EXPECT_FALSE(match(with(&S::container, "db")));
  auto process = nginx();
  process.image = std::make_shared<ProcessImage>();
  EXPECT_FALSE(match(with(&S::container, "*"), process));
}

TEST(Selector, PortsAreAlternatives) {
  config::Selector selector;
  selector.ports = {8080, 443};
  EXPECT_TRUE(match(selector));
  selector.ports = {8080};
  EXPECT_FALSE(match(selector));
}

TEST(Selector, PidMeansItsTree) {
  config::Selector selector;
  selector.pid = 7;
  EXPECT_TRUE(match(selector));
  selector.pid = 42;  // the process's own pid, but not bound as a root
  EXPECT_FALSE(match(selector));
}

TEST(Selector, AllConditionsOfOneMustHoldAndTheFirstThatMatchesCounts) {
  auto both = with(&S::exe, "nginx");
  both.ports = {8080};
  EXPECT_FALSE(match(both));
  const SelectorSet set({both, with(&S::exe, "x"), with(&S::cmd, "nginx*"), with(&S::exe, "nginx")},
                        kAgent);
  EXPECT_EQ(set.matches(nginx()), 2u);
  EXPECT_TRUE(set.wants_ports());
  EXPECT_FALSE(SelectorSet({}, kAgent).matches(nginx()));
}

TEST(Selector, TheAgentIsNeverSelected) {
  auto process = nginx();
  process.key.pid = kAgent;
  EXPECT_FALSE(match(with(&S::exe, "*"), process));
}

}  // namespace
}  // namespace tacit::discovery
