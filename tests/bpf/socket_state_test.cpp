// SPDX-License-Identifier: Apache-2.0
// What no syscall's result tells: failed connects, closes, resets, listens; and processes.
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <string>

#include "tests/bpf/loopback.h"
#include "tests/bpf/observed_child.h"

namespace tacit::bpf_test {
namespace {

using SocketState = ObservedChild;
using ProcessLife = ObservedChild;

void expect_refused(const std::vector<event::ConnectFailed>& failed, uint16_t port) {
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].raw->error, ECONNREFUSED);
  EXPECT_EQ(failed[0].raw->endpoints.remote_port, port);
  EXPECT_EQ(failed[0].raw->endpoints.role, SOCKET_ROLE_CLIENT);
  EXPECT_EQ(failed[0].raw->endpoints.remote_address[0], 127);
  EXPECT_LE(failed[0].raw->begin_time_ns, failed[0].raw->header.time_ns);
}

TEST_F(SocketState, ARefusedBlockingConnectIsReportedOnce) {
  uint16_t port = 0;
  const int kept = bind_loopback(port);
  run([port] {
    const auto address = loopback(port);
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    must(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == -1);
    ::close(fd);
  });
  expect_refused(of<event::ConnectFailed>(), port);
  ::close(kept);
}

TEST_F(SocketState, ARefusedNonBlockingConnectIsReportedOnceHoweverItIsAskedFor) {
  uint16_t port = 0;
  const int kept = bind_loopback(port);
  run([port] {
    const auto address = loopback(port);
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    (void)::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    pollfd wait{fd, POLLOUT, 0};
    must(::poll(&wait, 1, 1000) == 1);
    int error = 0;
    socklen_t length = sizeof(error);
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    ::close(fd);
  });
  expect_refused(of<event::ConnectFailed>(), port);
  ::close(kept);
}

TEST_F(SocketState, CloseAndHalfCloseAreToldApart) {
  run([] {
    const auto [server, client] = connect_loopback();
    char byte = 0;
    must(::write(client, "c", 1) == 1 && ::read(server, &byte, 1) == 1);
    ::shutdown(client, SHUT_WR);
    must(::read(server, &byte, 1) == 0);
    must(::write(server, "s", 1) == 1 && ::read(client, &byte, 1) == 1);
    ::close(server);
    must(::read(client, &byte, 1) == 0);
    ::close(client);
  });
  const auto opens = of<event::SocketOpen>();
  const auto closes = of<event::SocketClose>();
  ASSERT_EQ(opens.size(), 2u);
  const auto client = opens[0].raw->socket_id, server = opens[1].raw->socket_id;
  ASSERT_GE(closes.size(), 2u);
  EXPECT_EQ(closes[0].raw->socket_id, client);
  EXPECT_EQ(closes[0].raw->is_final, 0);
  EXPECT_EQ(closes[1].raw->socket_id, server);
  EXPECT_EQ(closes[1].raw->is_final, 1);
  EXPECT_EQ(closes[1].raw->receive_position, closes[0].raw->send_position);
  EXPECT_EQ(closes[1].raw->error, 0);
}

TEST_F(SocketState, AResetCarriesItsError) {
  run([] {
    const auto [server, client] = connect_loopback();
    char byte = 0;
    must(::write(client, "c", 1) == 1 && ::read(server, &byte, 1) == 1);
    const linger now{1, 0};
    ::setsockopt(server, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    ::close(server);
    ::usleep(10'000);
  });
  const auto closes = of<event::SocketClose>();
  const auto client = of<event::SocketOpen>().at(0).raw->socket_id;
  int resets = 0;
  for (const auto& close : closes)
    if (close.raw->socket_id == client) {
      ++resets;
      EXPECT_EQ(close.raw->error, ECONNRESET);
      EXPECT_EQ(close.raw->is_final, 1);
    }
  EXPECT_EQ(resets, 1);
}

TEST_F(SocketState, AListenerTellsItsPort) {
  uint16_t port = 0;
  const int kept = bind_loopback(port);
  run([kept] { must(::listen(kept, 1) == 0); });
  const auto listens = of<event::SocketListen>();
  ASSERT_EQ(listens.size(), 1u);
  EXPECT_EQ(listens[0].raw->port, port);
  EXPECT_EQ(listens[0].raw->header.pid, static_cast<uint32_t>(child_));
  ::close(kept);
}

TEST_F(ProcessLife, ForkExecAndExitOfADescendant) {
  run([] {
    const pid_t grandchild = ::fork();
    if (grandchild == 0) {
      const char* arguments[] = {"/bin/sh", "-c", "exit 3", nullptr};
      const char* environment[] = {"OTEL_SERVICE_NAME=sample", nullptr};
      ::execve(arguments[0], const_cast<char**>(arguments), const_cast<char**>(environment));
      ::_exit(9);
    }
    int status = 0;
    must(::waitpid(grandchild, &status, 0) == grandchild && WEXITSTATUS(status) == 3);
  });
  const auto forks = of<event::ProcessFork>();
  const auto execs = of<event::ProcessExec>();
  const auto exits = of<event::ProcessExit>();
  ASSERT_EQ(forks.size(), 1u);
  ASSERT_EQ(execs.size(), 1u);
  ASSERT_EQ(exits.size(), 2u);
  EXPECT_EQ(forks[0].raw->header.pid, static_cast<uint32_t>(child_));
  EXPECT_EQ(execs[0].raw->header.pid, forks[0].raw->child_pid);
  EXPECT_EQ(execs[0].raw->parent_pid, static_cast<uint32_t>(child_));
  EXPECT_EQ(execs[0].raw->start_time_ns, forks[0].raw->child_start_time_ns);
  EXPECT_EQ(execs[0].raw->followed, 1u);
  EXPECT_EQ(execs[0].args, std::string_view("/bin/sh\0-c\0exit 3\0", 18));
  EXPECT_EQ(execs[0].env, std::string_view("OTEL_SERVICE_NAME=sample\0", 25));
  EXPECT_EQ(exits[0].raw->header.pid, forks[0].raw->child_pid);
  EXPECT_EQ(exits[0].raw->exit_code, 3u << 8);
  EXPECT_EQ(exits[1].raw->header.pid, static_cast<uint32_t>(child_));
}

TEST_F(ProcessLife, NobodyElseIsReported) {
  const pid_t stranger = ::fork();
  if (stranger == 0) {
    for (int i = 0; i < 20; ++i) {
      int ends[2];
      if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) ::_exit(1);
      (void)!::write(ends[0], "private", 7);
      ::close(ends[0]);
      ::close(ends[1]);
      ::usleep(2000);
    }
    ::_exit(0);
  }
  run([] { ::usleep(60'000); });
  ::waitpid(stranger, nullptr, 0);
  EXPECT_TRUE(of<event::Data>().empty());
  for (const auto& seen : seen_) EXPECT_EQ(seen->header().pid, static_cast<uint32_t>(child_));
}

}  // namespace
}  // namespace tacit::bpf_test
