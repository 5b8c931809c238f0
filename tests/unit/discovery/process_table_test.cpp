// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/process_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/unit/discovery/fake_proc.h"

namespace tacit::discovery {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr uint32_t kAgent = 999;

class ProcessTableTest : public ::testing::Test {
 protected:
  static uint64_t boot_ns(uint64_t ticks) {
    return ticks * (1'000'000'000 / static_cast<uint64_t>(::sysconf(_SC_CLK_TCK))) + 1;
  }

  void make(std::vector<config::Selector> selectors, std::string service_name = "") {
    table_ = std::make_unique<ProcessTable>(
        ProcFs(fake_.root()), SelectorSet(std::move(selectors), kAgent), std::move(service_name));
  }

  static config::Selector exe(const char* glob, const char* name = "") {
    config::Selector selector;
    selector.exe = glob;
    selector.name = name;
    return selector;
  }
  static config::Selector pid(int number) {
    config::Selector selector;
    selector.pid = number;
    return selector;
  }
  static config::Selector port(uint16_t number) {
    config::Selector selector;
    selector.ports = {number};
    return selector;
  }

  FakeProcess& add(uint32_t number, const char* path, std::vector<std::string> args,
                   uint32_t parent = 1) {
    process_ = {};
    process_.pid = number;
    process_.parent = parent;
    process_.start_ticks = 100 + number;
    process_.exe = path;
    process_.args = std::move(args);
    fake_.add(process_);
    return process_;
  }

  // An exec event as the kernel reports it.
  Verdict exec(uint32_t number, const std::vector<std::string>& args, uint32_t parent = 1,
               bool followed = false, const std::vector<std::string>& environment = {},
               uint32_t args_missing = 0) {
    args_ = joined(args);
    environment_ = joined(environment);
    ExecFacts facts;
    facts.pid = number;
    facts.parent_pid = parent;
    facts.start_time_ns = boot_ns(100 + number);
    facts.args = args_;
    facts.args_total = static_cast<uint32_t>(args_.size()) + args_missing;
    facts.environment = environment_;
    facts.environment_total = static_cast<uint32_t>(environment_.size());
    facts.comm = "comm";
    facts.followed = followed;
    return table_->on_exec(facts);
  }

  static std::vector<uint32_t> pids(const std::vector<const Process*>& processes) {
    std::vector<uint32_t> out;
    for (const auto* process : processes) out.push_back(process->pid());
    return out;
  }

  FakeProc fake_;
  FakeProcess process_;
  std::string args_;
  std::string environment_;
  std::unique_ptr<ProcessTable> table_;
};

TEST_F(ProcessTableTest, ScanFindsWhatIsSelected) {
  add(10, "/usr/sbin/nginx", {"nginx"});
  add(11, "/usr/bin/python3", {"python3", "orders.py"});
  add(12, "", {});  // a kernel thread
  add(kAgent, "/usr/sbin/nginx", {"nginx"});
  make({exe("nginx"), exe("*/python3", "named")});
  EXPECT_THAT(pids(table_->scan()), ElementsAre(10, 11));
  EXPECT_EQ(table_->find(10)->image->service_name, "nginx");
  EXPECT_EQ(table_->find(10)->selector, 0u);
  EXPECT_EQ(table_->find(10)->key, (ProcessKey{10, 110}));
  EXPECT_EQ(table_->find(11)->image->service_name, "named");
  EXPECT_EQ(table_->find(11)->image->runtime, Runtime::kPython);
  EXPECT_EQ(table_->find(12), nullptr);
  EXPECT_EQ(table_->find(kAgent), nullptr);
  EXPECT_THAT(table_->scan(), IsEmpty());
}

TEST_F(ProcessTableTest, ScanFindsListenersByPort) {
  auto& p = add(10, "/usr/sbin/nginx", {"nginx"});
  p.listeners = {{5, 443}, {6, 80}};
  fake_.add(p);
  add(11, "/usr/bin/x", {"x"});
  make({port(443)});
  EXPECT_THAT(pids(table_->scan()), ElementsAre(10));
  EXPECT_THAT(table_->find(10)->listening_ports, ElementsAre(80, 443));
  EXPECT_EQ(table_->find(10)->first_port, 80);
}

TEST_F(ProcessTableTest, APidSelectorMeansItsTree) {
  add(10, "/bin/sh", {"sh"});
  add(11, "/usr/bin/a", {"a"}, 10);
  add(12, "/usr/bin/b", {"b"}, 11);
  add(13, "/usr/bin/c", {"c"});
  make({pid(10)});
  EXPECT_THAT(pids(table_->scan()), ElementsAre(10, 11, 12));
  add(14, "/usr/bin/d", {"d"}, 12);
  const auto verdict = exec(14, {"d"}, 12);
  ASSERT_NE(verdict.process, nullptr);
  EXPECT_TRUE(verdict.follow);
}

TEST_F(ProcessTableTest, APidThatIsUsedAgainIsNotItsSelector) {
  add(10, "/bin/sh", {"sh"});
  make({pid(10)});
  auto& p = add(10, "/bin/other", {"other"});
  p.start_ticks = 5000;
  fake_.add(p);
  EXPECT_THAT(table_->scan(), IsEmpty());
}

TEST_F(ProcessTableTest, AProcessOfTenMillisecondsIsKnownByItsEventAlone) {
  add(10, "/bin/sh", {"sh"});
  make({pid(10)});
  table_->scan();
  ASSERT_NE(table_->on_fork(10, 11, boot_ns(111)), nullptr);
  const auto verdict = exec(11, {"/usr/bin/curl", "http://x"}, 10, true,
                            {"SECRET=x", "TRACEPARENT=00-aa"});
  ASSERT_NE(verdict.process, nullptr);
  EXPECT_FALSE(verdict.follow);
  const auto& image = *verdict.process->image;
  EXPECT_EQ(image.exe, "");
  EXPECT_EQ(image.service_name, "curl");
  EXPECT_THAT(image.args, ElementsAre("/usr/bin/curl", "http://x"));
  EXPECT_EQ(image.environment.traceparent, "00-aa");
  EXPECT_EQ(image.leader_pid, 11u);
}

TEST_F(ProcessTableTest, ProcThatShowsALaterOwnerOfThePidIsNotBelieved) {
  make({exe("*")});
  auto& p = add(11, "/bin/later", {"later"});
  p.start_ticks = 9999;
  fake_.add(p);
  const auto verdict = exec(11, {"/usr/bin/curl"});
  ASSERT_NE(verdict.process, nullptr);
  EXPECT_EQ(verdict.process->image->service_name, "curl");
}

TEST_F(ProcessTableTest, CutArgumentsAreCompletedFromProc) {
  add(11, "/usr/bin/python3", {"python3", "-m", "uvicorn", "shop:app"});
  make({exe("*")});
  const auto verdict = exec(11, {"python3", "-m", "uvi"}, 1, false, {}, 20);
  ASSERT_NE(verdict.process, nullptr);
  EXPECT_EQ(verdict.process->image->service_name, "shop");
}

TEST_F(ProcessTableTest, AForkedChildSharesItsParentsImage) {
  add(10, "/usr/sbin/nginx", {"nginx"});
  make({exe("nginx")});
  table_->scan();
  table_->on_listen(10, 80);
  const auto* child = table_->on_fork(10, 11, boot_ns(111));
  ASSERT_NE(child, nullptr);
  const auto* parent = table_->find(10);
  EXPECT_EQ(child->image, parent->image);
  EXPECT_EQ(child->revision, parent->revision);
  EXPECT_EQ(child->parent_pid, 10u);
  EXPECT_EQ(child->selector, 0u);
  EXPECT_THAT(child->listening_ports, ElementsAre(80));
  EXPECT_EQ(child->key, (ProcessKey{11, 111}));
}

TEST_F(ProcessTableTest, AnExecThatNoSelectorMatchesEndsTheObservation) {
  add(10, "/usr/sbin/nginx", {"nginx"});
  make({exe("nginx")});
  table_->scan();
  ASSERT_NE(table_->on_fork(10, 11, boot_ns(111)), nullptr);
  add(11, "/bin/sh", {"sh"}, 10);
  const auto verdict = exec(11, {"sh"}, 10, true);
  EXPECT_EQ(verdict.process, nullptr);
  EXPECT_TRUE(verdict.unfollow);
  EXPECT_EQ(table_->find(11), nullptr);
}

TEST_F(ProcessTableTest, AnExecRightAfterOneThatEndedTheObservationStartsItAgain) {
  make({exe("nginx")});
  add(11, "/usr/sbin/nginx", {"nginx"});
  table_->scan();
  add(11, "/usr/bin/env", {"env", "nginx"});
  EXPECT_TRUE(exec(11, {"env", "nginx"}, 1, true).unfollow);
  add(11, "/usr/sbin/nginx", {"nginx"});
  const auto verdict = exec(11, {"nginx"}, 1, true);  // "followed" when it was made
  ASSERT_NE(verdict.process, nullptr);
  EXPECT_TRUE(verdict.follow);
}

TEST_F(ProcessTableTest, ADescendantWhoseOriginWasLostIsKept) {
  add(10, "/bin/sh", {"sh"});
  make({pid(10)});
  table_->scan();
  // Its parent's fork was lost, and the parent is gone.
  const auto verdict = exec(12, {"curl"}, 11, true);
  ASSERT_NE(verdict.process, nullptr);
  EXPECT_FALSE(verdict.unfollow);
  EXPECT_EQ(verdict.process->selector, std::nullopt);
  EXPECT_NE(exec(12, {"wget"}, 11, true).process, nullptr);
  EXPECT_EQ(exec(13, {"curl"}, 11, false).process, nullptr);
}

TEST_F(ProcessTableTest, PythonsMultiprocessingChildrenStayWithTheirService) {
  add(10, "/usr/bin/python3", {"python3", "/usr/bin/uvicorn", "shop:app", "--workers", "2"});
  make({port(80), port(81)});
  table_->on_listen(10, 81);
  ASSERT_NE(table_->find(10), nullptr);
  ASSERT_NE(table_->on_fork(10, 11, boot_ns(111)), nullptr);
  const std::vector<std::string> args = {
      "python3", "-c", "from multiprocessing.spawn import spawn_main; spawn_main()",
      "--multiprocessing-fork"};
  add(11, "/usr/bin/python3", args, 10);
  const auto verdict = exec(11, args, 10, true);
  ASSERT_NE(verdict.process, nullptr);
  EXPECT_EQ(verdict.process->image->service_name, "shop");
  EXPECT_EQ(verdict.process->image->leader_pid, 10u);
  EXPECT_EQ(verdict.process->selector, 1u);
}

TEST_F(ProcessTableTest, ListeningSelectsAndChangesTheRevision) {
  add(10, "/usr/bin/x", {"x"});
  make({port(8080)});
  EXPECT_THAT(table_->scan(), IsEmpty());
  EXPECT_EQ(table_->on_listen(10, 9).process, nullptr);
  auto verdict = table_->on_listen(10, 8080);
  ASSERT_NE(verdict.process, nullptr);
  EXPECT_TRUE(verdict.follow);
  EXPECT_EQ(verdict.process->first_port, 8080);
  const auto revision = verdict.process->revision;
  verdict = table_->on_listen(10, 80);
  EXPECT_FALSE(verdict.follow);
  EXPECT_THAT(verdict.process->listening_ports, ElementsAre(80, 8080));
  EXPECT_EQ(verdict.process->first_port, 8080);
  EXPECT_GT(verdict.process->revision, revision);
  const auto again = verdict.process->revision;
  EXPECT_EQ(table_->on_listen(10, 80).process->revision, again);
  EXPECT_EQ(table_->on_listen(kAgent, 8080).process, nullptr);
}

TEST_F(ProcessTableTest, SocketActivationIsSeenAtTheExec) {
  make({port(80)});
  auto& p = add(10, "/usr/bin/x", {"x"});
  p.listeners = {{5, 80}};
  fake_.add(p);
  const auto verdict = exec(10, {"x"});
  ASSERT_NE(verdict.process, nullptr);
  EXPECT_EQ(verdict.process->first_port, 80);
}

TEST_F(ProcessTableTest, ExitedProcessesStayForTenSeconds) {
  add(10, "/usr/bin/x", {"x"});
  make({exe("*")});
  table_->scan();
  table_->on_exit(10, boot_ns(110), 256, 1'000);
  table_->on_exit(10, boot_ns(110), 9, 2'000);  // a second report changes nothing
  ASSERT_NE(table_->find(10), nullptr);
  EXPECT_TRUE(table_->find(10)->exited);
  EXPECT_EQ(table_->find(10)->exit_code, 256u);
  EXPECT_THAT(table_->running(), IsEmpty());
  table_->sweep(10'000'000'999);
  EXPECT_NE(table_->find(10), nullptr);
  table_->sweep(10'000'001'000);
  EXPECT_EQ(table_->find(10), nullptr);
}

TEST_F(ProcessTableTest, AnExitOfAnotherStartIsNotMeant) {
  add(10, "/usr/bin/x", {"x"});
  make({exe("*")});
  table_->scan();
  table_->on_exit(10, boot_ns(7), 0, 1);
  EXPECT_FALSE(table_->find(10)->exited);
}

TEST_F(ProcessTableTest, AReusedPidIsANewProcess) {
  add(10, "/usr/bin/x", {"x"});
  make({exe("*")});
  table_->scan();
  table_->on_exit(10, boot_ns(110), 0, 1'000);
  auto& p = add(10, "/usr/bin/y", {"y"});
  p.start_ticks = 500;
  fake_.add(p);
  EXPECT_EQ(table_->resolve(10)->image->service_name, "y");
  table_->sweep(1'000'000'000'000);  // the old one's time is up, the new one's is not
  ASSERT_NE(table_->find(10), nullptr);
  EXPECT_EQ(table_->find(10)->image->service_name, "y");
}

TEST_F(ProcessTableTest, ALostForkIsMadeUpFromProc) {
  add(10, "/usr/bin/x", {"x"});
  make({exe("nothing")});
  const auto* process = table_->resolve(10);
  ASSERT_NE(process, nullptr);
  EXPECT_EQ(process->image->service_name, "x");
  EXPECT_EQ(process->selector, std::nullopt);
  EXPECT_EQ(table_->resolve(77), nullptr);
  EXPECT_EQ(table_->resolve(kAgent), nullptr);
}

TEST_F(ProcessTableTest, ALostExitIsFoundByVerifying) {
  add(10, "/usr/bin/x", {"x"});
  add(11, "/usr/bin/x", {"x"});
  make({exe("*")});
  table_->scan();
  fake_.remove(10);
  table_->verify(5'000);
  EXPECT_THAT(pids(table_->running()), ElementsAre(11));
  table_->sweep(20'000'000'000);
  EXPECT_EQ(table_->find(10), nullptr);
}

TEST_F(ProcessTableTest, TheAgentsOwnUnitAndContainerNameNothing) {
  const std::string id = "3f2a9c01d2ab4455667788990011223344556677889900aabbccddeeff001122";
  auto& agent = add(kAgent, "/usr/bin/tacit", {"tacit"});
  agent.cgroup = "0::/system.slice/ci.service\n";
  fake_.add(agent);
  auto& p = add(10, "/usr/bin/python3", {"python3", "orders.py"}, kAgent);
  p.cgroup = agent.cgroup;
  fake_.add(p);
  auto& q = add(11, "/usr/bin/python3", {"python3", "orders.py"});
  q.cgroup = "0::/system.slice/billing.service\n";
  fake_.add(q);
  auto& r = add(12, "/usr/bin/python3", {"python3", "orders.py"});
  r.cgroup = "0::/docker/" + id + "\n";
  fake_.add(r);
  add(1, "/sbin/init", {"init"});
  fake_.write_inside(1, "/var/lib/docker/containers/" + id + "/config.v2.json",
                     R"({"Name": "/payments"})");
  make({exe("*/python3")});
  EXPECT_THAT(pids(table_->scan()), ElementsAre(10, 11, 12));
  EXPECT_EQ(table_->find(10)->image->service_name, "orders");
  EXPECT_EQ(table_->find(11)->image->service_name, "billing");
  EXPECT_EQ(table_->find(12)->image->service_name, "payments");
  EXPECT_EQ(table_->find(12)->image->container_id, id);
}

TEST_F(ProcessTableTest, PodmansNamesAreKnownToo) {
  const std::string id = "3f2a9c01d2ab4455667788990011223344556677889900aabbccddeeff001122";
  auto& p = add(10, "/usr/bin/x", {"x"});
  p.cgroup = "0::/machine.slice/libpod-" + id + ".scope\n";
  fake_.add(p);
  add(1, "/sbin/init", {"init"});
  fake_.write_inside(1, "/var/lib/containers/storage/overlay-containers/containers.json",
                     R"([{"id": "x"}, {"id": ")" + id + R"(", "names": ["ledger"]}])");
  config::Selector selector;
  selector.container = "ledger";
  make({selector});
  EXPECT_THAT(pids(table_->scan()), ElementsAre(10));
  EXPECT_EQ(table_->find(10)->image->service_name, "ledger");
}

TEST_F(ProcessTableTest, TheConfiguredNameIsEverybodys) {
  add(10, "/usr/bin/x", {"x"});
  make({exe("*", "selector")}, "everything");
  table_->scan();
  EXPECT_EQ(table_->find(10)->image->service_name, "everything");
}

}  // namespace
}  // namespace tacit::discovery
