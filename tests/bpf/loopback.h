// SPDX-License-Identifier: Apache-2.0
// Connections over loopback, for code that runs in the observed child: it ends on any failure.
#pragma once
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace tacit::bpf_test {

inline void must(bool good) {
  if (!good) ::_exit(4);
}

inline sockaddr_in loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// A bound TCP socket; `port` tells where.
inline int bind_loopback(uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  auto address = loopback(0);
  socklen_t length = sizeof(address);
  must(::bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  port = ntohs(address.sin_port);
  return fd;
}

struct Pair {
  int server = -1;  // accepted
  int client = -1;  // connected
};

// Two ends of one connection, both in this process.
inline Pair connect_loopback(int backlog = 8) {
  uint16_t port = 0;
  const int listener = bind_loopback(port);
  must(::listen(listener, backlog) == 0);
  const auto address = loopback(port);
  Pair pair;
  pair.client = ::socket(AF_INET, SOCK_STREAM, 0);
  must(::connect(pair.client, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  pair.server = ::accept(listener, nullptr, nullptr);
  must(pair.server >= 0);
  ::close(listener);
  return pair;
}

inline std::string read_all(int fd, size_t bytes) {
  std::string out(bytes, '\0');
  size_t got = 0;
  while (got < bytes) {
    const ssize_t n = ::read(fd, out.data() + got, bytes - got);
    must(n > 0);
    got += static_cast<size_t>(n);
  }
  return out;
}

}  // namespace tacit::bpf_test
