// SPDX-License-Identifier: Apache-2.0
// Every syscall that moves bytes through a stream socket, each against what the child really did.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <algorithm>
#include <string>
#include <thread>

#include "tests/bpf/loopback.h"
#include "tests/bpf/observed_child.h"

namespace tacit::bpf_test {
namespace {

using Syscalls = ObservedChild;

TEST_F(Syscalls, EveryCallThatSendsIsSeenOnceWithItsBytes) {
  run([] {
    const auto [server, client] = connect_loopback();
    must(::write(client, "write", 5) == 5);
    must(::send(client, "send", 4, 0) == 4);
    must(::sendto(client, "sendto", 6, 0, nullptr, 0) == 6);
    char one[] = "wri", two[] = "tev";
    iovec pieces[] = {{one, 3}, {two, 3}};
    must(::writev(client, pieces, 2) == 6);
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = 2;
    must(::sendmsg(client, &message, 0) == 6);
    mmsghdr messages[2] = {};
    messages[0].msg_hdr = message;
    messages[1].msg_hdr = message;
    messages[1].msg_hdr.msg_iovlen = 1;
    must(::sendmmsg(client, messages, 2, 0) == 2);
    read_all(server, 5 + 4 + 6 + 6 + 6 + 6 + 3);
  });
  EXPECT_EQ(texts(DATA_SEND), (std::vector<std::string>{"write", "send", "sendto", "writev",
                                                        "writev", "writev", "wri"}));
  EXPECT_EQ(drops(), 0u);
}

TEST_F(Syscalls, EveryCallThatReceivesIsSeenOnceAndPeeksAreNot) {
  run([] {
    const auto [server, client] = connect_loopback();
    must(::write(client, "abcdefghijklmnopqrstuvwx", 24) == 24);
    char buffer[64], other[64];
    must(::recv(server, buffer, 4, MSG_PEEK) == 4);
    must(::read(server, buffer, 4) == 4);
    must(::recv(server, buffer, 4, 0) == 4);
    iovec pieces[] = {{buffer, 1}, {other, 3}};
    must(::readv(server, pieces, 2) == 4);
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = 2;
    must(::recvmsg(server, &message, MSG_PEEK) == 4);
    must(::recvmsg(server, &message, 0) == 4);
    mmsghdr messages[2] = {};
    messages[0].msg_hdr = message;
    messages[1].msg_hdr = message;
    char third[4];
    iovec last = {third, 4};
    messages[1].msg_hdr.msg_iov = &last;
    messages[1].msg_hdr.msg_iovlen = 1;
    must(::recvmmsg(server, messages, 2, 0, nullptr) == 2);
  });
  EXPECT_EQ(texts(DATA_RECEIVE),
            (std::vector<std::string>{"abcd", "efgh", "ijkl", "mnop", "qrst", "uvwx"}));
  EXPECT_EQ(drops(), 0u);
}

TEST_F(Syscalls, PositionsOfBothEndsAreTheSameStream) {
  run([] {
    const auto [server, client] = connect_loopback();
    must(::write(client, "request", 7) == 7);
    read_all(server, 7);
    must(::write(server, "response!", 9) == 9);
    read_all(client, 9);
  });
  const auto data = of<event::Data>();
  ASSERT_EQ(data.size(), 4u);
  EXPECT_EQ(data[0].raw->position, data[1].raw->position);
  EXPECT_EQ(data[2].raw->position, data[3].raw->position);
  EXPECT_EQ(data[2].raw->peer_position, data[1].raw->position);
  EXPECT_EQ(data[0].raw->peer_position, data[3].raw->position - 9);
}

TEST_F(Syscalls, RolesComeFromTheSocket) {
  run([] {
    const auto [server, client] = connect_loopback(0);  // no backlog: accept(2) tells
    must(::write(client, "x", 1) == 1);
    read_all(server, 1);
  });
  const auto opens = of<event::SocketOpen>();
  ASSERT_EQ(opens.size(), 2u);
  EXPECT_EQ(opens[0].raw->endpoints.role, SOCKET_ROLE_CLIENT);
  EXPECT_EQ(opens[1].raw->endpoints.role, SOCKET_ROLE_SERVER);
  EXPECT_EQ(opens[0].raw->from_start, 1);
  EXPECT_EQ(opens[1].raw->from_start, 1);
  EXPECT_EQ(opens[0].raw->endpoints.local_port, opens[1].raw->endpoints.remote_port);
  EXPECT_EQ(opens[0].raw->endpoints.remote_port, opens[1].raw->endpoints.local_port);
}

// The sockets were made before anything was followed: nothing but the socket can tell the role.
TEST_F(Syscalls, OlderConnectionsTellTheirRoleToo) {
  const auto [server, client] = connect_loopback();
  run([server = server, client = client] {
    must(::write(client, "x", 1) == 1);
    read_all(server, 1);
  });
  const auto opens = of<event::SocketOpen>();
  ASSERT_EQ(opens.size(), 2u);
  EXPECT_NE(opens[0].raw->endpoints.role, SOCKET_ROLE_SERVER);
  EXPECT_EQ(opens[1].raw->endpoints.role, SOCKET_ROLE_SERVER);
  EXPECT_EQ(opens[0].raw->from_start, 0);
  ::close(server);
  ::close(client);
}

TEST_F(Syscalls, SendfileAndSpliceAreLengths) {
  run([] {
    const auto [server, client] = connect_loopback();
    const int file = ::open("/proc/self/exe", O_RDONLY);
    off_t offset = 0;
    must(::sendfile(client, file, &offset, 1000) == 1000);
    read_all(server, 1000);
    int pipe_ends[2];
    must(::pipe(pipe_ends) == 0);
    must(::write(client, "spliced", 7) == 7);
    must(::splice(server, nullptr, pipe_ends[1], nullptr, 7, 0) == 7);
    must(::splice(pipe_ends[0], nullptr, server, nullptr, 7, 0) == 7);
    read_all(client, 7);
  });
  std::vector<std::pair<uint32_t, uint32_t>> lengths;  // total, captured of what had no bytes
  for (const auto& data : of<event::Data>())
    if (data.raw->captured_bytes == 0)
      lengths.emplace_back(data.raw->total_bytes, data.raw->direction);
  EXPECT_EQ(lengths, (std::vector<std::pair<uint32_t, uint32_t>>{
                         {1000, DATA_SEND}, {7, DATA_RECEIVE}, {7, DATA_SEND}}));
}

TEST_F(Syscalls, EndOfStreamIsNoByteEvenWhenItComesWithTheLastBytes) {
  run([] {
    const auto [server, client] = connect_loopback();
    must(::write(client, "last", 4) == 4);
    ::shutdown(client, SHUT_WR);
    ::usleep(20'000);  // bytes and FIN are both there before the first read
    char buffer[64];
    must(::read(server, buffer, sizeof(buffer)) == 4);
    must(::read(server, buffer, sizeof(buffer)) == 0);
  });
  const auto data = of<event::Data>();
  ASSERT_EQ(data.size(), 3u);
  EXPECT_EQ(data[1].raw->position, data[0].raw->position);
  EXPECT_EQ(data[2].raw->flags, DATA_FLAG_END);
  EXPECT_EQ(data[2].raw->position, data[0].raw->position);
}

TEST_F(Syscalls, ManyBuffersAndLongOnesKeepTheirOrder) {
  std::string expected;
  for (int i = 0; i < 40; ++i) expected += std::string(200, static_cast<char>('A' + i % 26));
  run([&] {
    const auto [server, client] = connect_loopback();
    std::vector<iovec> pieces;
    for (size_t i = 0; i < 40; ++i) pieces.push_back({expected.data() + i * 200, 200});
    must(::writev(client, pieces.data(), 40) == static_cast<ssize_t>(expected.size()));
    read_all(server, expected.size());
  });
  EXPECT_EQ(texts(DATA_SEND), std::vector<std::string>{expected});
  EXPECT_EQ(drops(), 0u);
}

TEST_F(Syscalls, BeyondTheCaptureLimitBytesAreCounted) {
  run([] {
    const auto [server, client] = connect_loopback();
    const int room = 1 << 20;
    ::setsockopt(client, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    const std::string big(200'000, 'b');
    size_t sent = 0;
    ::fcntl(client, F_SETFL, O_NONBLOCK);
    while (sent < big.size()) {
      const ssize_t n = ::write(client, big.data() + sent, big.size() - sent);
      if (n > 0) sent += static_cast<size_t>(n);
      char buffer[65536];
      (void)::recv(server, buffer, sizeof(buffer), MSG_DONTWAIT);
    }
  });
  uint64_t sent = 0;
  for (const auto& data : of<event::Data>())
    if (data.raw->direction == DATA_SEND) {
      sent += data.raw->total_bytes;
      EXPECT_EQ(data.raw->captured_bytes, std::min<uint32_t>(data.raw->total_bytes, 65536));
    }
  EXPECT_EQ(sent, 200'000u);
}

TEST_F(Syscalls, UnixSocketsCountTheirPositionsAndTellTheirPath) {
  run([] {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "tacit-test-%d", ::getpid());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 +
                                               std::strlen(address.sun_path + 1));
    const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
    must(::bind(listener, reinterpret_cast<sockaddr*>(&address), length) == 0);
    must(::listen(listener, 4) == 0);
    const int client = ::socket(AF_UNIX, SOCK_STREAM, 0);
    must(::connect(client, reinterpret_cast<sockaddr*>(&address), length) == 0);
    const int server = ::accept(listener, nullptr, nullptr);
    must(::write(client, "question", 8) == 8);
    read_all(server, 8);
    must(::write(server, "answer", 6) == 6);
    read_all(client, 6);
  });
  const auto opens = of<event::SocketOpen>();
  ASSERT_EQ(opens.size(), 2u);
  const std::string path = std::string("\0tacit-test-", 12) + std::to_string(child_);
  EXPECT_EQ(opens[0].unix_path, path);
  EXPECT_EQ(opens[1].unix_path, path);
  EXPECT_EQ(opens[0].raw->endpoints.role, SOCKET_ROLE_CLIENT);
  EXPECT_EQ(opens[1].raw->endpoints.role, SOCKET_ROLE_SERVER);
  const auto data = of<event::Data>();
  ASSERT_EQ(data.size(), 4u);
  EXPECT_EQ(data[1].raw->position, 8u);
  EXPECT_EQ(data[2].raw->position, 6u);
  EXPECT_EQ(data[2].raw->peer_position, 8u);
}

TEST_F(Syscalls, AnUnreadableBufferIsALengthAndIsCounted) {
  run([] {
    const auto [server, client] = connect_loopback();
    must(::write(client, "ping", 4) == 4);
    // MSG_TRUNC on TCP throws the bytes away and needs no buffer.
    must(::recv(server, nullptr, 4, MSG_TRUNC) == 4);
    must(::write(client, "pong", 4) == 4);
    read_all(server, 4);
  });
  const auto data = of<event::Data>();
  ASSERT_EQ(data.size(), 4u);
  EXPECT_EQ(data[1].raw->total_bytes, 4u);
  EXPECT_EQ(data[1].raw->captured_bytes, 0u);
  EXPECT_EQ(texts(DATA_RECEIVE), (std::vector<std::string>{"", "pong"}));
}

TEST_F(Syscalls, FilesPipesAndDatagramsAreNoBusinessOfOurs) {
  run([] {
    int pipe_ends[2];
    must(::pipe(pipe_ends) == 0);
    must(::write(pipe_ends[1], "pipe", 4) == 4);
    read_all(pipe_ends[0], 4);
    int datagrams[2];
    must(::socketpair(AF_UNIX, SOCK_DGRAM, 0, datagrams) == 0);
    must(::write(datagrams[0], "datagram", 8) == 8);
    const int null = ::open("/dev/null", O_WRONLY);
    must(::write(null, "file", 4) == 4);
  });
  EXPECT_TRUE(of<event::Data>().empty());
  EXPECT_TRUE(of<event::SocketOpen>().empty());
}

TEST_F(Syscalls, AMutedSocketIsSilentAndAForgottenOneIsAnnouncedAnew) {
  int control[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM, 0, control), 0);
  std::thread steps([&] {
    char byte = 0;
    (void)!::read(control[0], &byte, 1);  // the first transfer was made
    ::usleep(50'000);
    const auto first = of<event::Data>();
    if (!first.empty()) probes_->mute(first[0].raw->socket_id);
    (void)!::write(control[0], "x", 1);
    (void)!::read(control[0], &byte, 1);  // the second as well
    if (!first.empty()) probes_->forget_socket(first[0].raw->socket_id);
    (void)!::write(control[0], "x", 1);
  });
  run([&] {
    const auto [server, client] = connect_loopback();
    char byte = 0;
    must(::write(client, "heard", 5) == 5);
    must(::write(control[1], "x", 1) == 1 && ::read(control[1], &byte, 1) == 1);
    must(::write(client, "muted", 5) == 5);
    must(::write(control[1], "x", 1) == 1 && ::read(control[1], &byte, 1) == 1);
    must(::write(client, "again", 5) == 5);
  });
  steps.join();
  EXPECT_EQ(texts(DATA_SEND), (std::vector<std::string>{"heard", "again"}));
  EXPECT_EQ(of<event::SocketOpen>().size(), 2u);
}

}  // namespace
}  // namespace tacit::bpf_test
