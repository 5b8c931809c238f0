// SPDX-License-Identifier: Apache-2.0
#include "agent/probe/header_canary.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include "agent/base/fd.h"
#include "header_canary.skel.h"

namespace tacit::probe {
namespace {

constexpr std::string_view kRequestLine = "POST /canary HTTP/1.1\r\n";
constexpr std::string_view kRest = "Host: canary\r\nContent-Length: 6\r\n\r\nseeds\n";
constexpr std::string_view kLine =
    "traceparent: 00-0123456789abcdef0123456789abcdef-0123456789abcdef-01\r\n";
constexpr std::string_view kAnswer = "HTTP/1.1 204 No Content\r\n\r\n";
constexpr int kPatienceMs = 1000;
static_assert(kLine.size() == 70, "LINE_BYTES of bpf/lib/sk_msg.h");

struct DestroySkeleton {
  void operator()(header_canary_bpf* skeleton) const { header_canary_bpf__destroy(skeleton); }
};
using Skeleton = std::unique_ptr<header_canary_bpf, DestroySkeleton>;

struct Pair {
  Fd client, server;
};

void be_patient(const Fd& socket) {
  const timeval limit{.tv_sec = kPatienceMs / 1000, .tv_usec = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

std::optional<Pair> connect_pair() {
  const Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  Pair pair{Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), Fd(-1)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof(address);
  if (::bind(listener.get(), any, length) != 0 || ::listen(listener.get(), 1) != 0 ||
      ::getsockname(listener.get(), any, &length) != 0)
    return {};
  be_patient(listener);
  be_patient(pair.client);
  if (::connect(pair.client.get(), any, length) != 0) return {};
  pair.server = Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!pair.server.valid()) return {};
  be_patient(pair.server);
  return pair;
}

Skeleton load_program() {
  Skeleton canary(header_canary_bpf__open());
  if (!canary) return nullptr;
  std::copy(kLine.begin(), kLine.end(), canary->rodata->line);
  canary->rodata->line_place = static_cast<uint32_t>(kRequestLine.size());
  if (header_canary_bpf__load(canary.get()) != 0) return nullptr;
  if (bpf_prog_attach(bpf_program__fd(canary->progs.header_canary),
                      bpf_map__fd(canary->maps.canaries), BPF_SK_MSG_VERDICT, 0) != 0)
    return nullptr;
  return canary;
}

bool watch(const Skeleton& canary, const Fd& socket) {
  const uint32_t key = 0;
  const auto value = static_cast<uint64_t>(socket.get());
  return bpf_map_update_elem(bpf_map__fd(canary->maps.canaries), &key, &value, BPF_NOEXIST) == 0;
}

bool unwatch(const Skeleton& canary) {
  const uint32_t key = 0;
  return bpf_map_delete_elem(bpf_map__fd(canary->maps.canaries), &key) == 0;
}

// In two pieces, as many clients do.
bool send_request(const Fd& socket) {
  std::array<iovec, 2> pieces{{{const_cast<char*>(kRequestLine.data()), kRequestLine.size()},
                               {const_cast<char*>(kRest.data()), kRest.size()}}};
  return ::writev(socket.get(), pieces.data(), pieces.size()) ==
         static_cast<ssize_t>(kRequestLine.size() + kRest.size());
}

// Exactly these bytes come, and no more.
bool arrives(const Fd& socket, std::string_view expected) {
  std::string got(expected.size(), '\0');
  const ssize_t bytes = ::recv(socket.get(), got.data(), got.size(), MSG_WAITALL);
  char more = 0;
  return bytes == static_cast<ssize_t>(got.size()) && got == expected &&
         ::recv(socket.get(), &more, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

bool becomes_readable(const Fd& socket) {
  pollfd what{.fd = socket.get(), .events = POLLIN, .revents = 0};
  return ::poll(&what, 1, kPatienceMs) == 1 && (what.revents & POLLIN) != 0;
}

bool counts(const Fd& socket, size_t bytes) {
  int queued = -1;
  return ::ioctl(socket.get(), FIONREAD, &queued) == 0 && queued == static_cast<int>(bytes);
}

bool answer(const Fd& socket) {
  return ::send(socket.get(), kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(kAnswer.size());
}

const std::string& request_with_line() {
  static const std::string request =
      std::string(kRequestLine) + std::string(kLine) + std::string(kRest);
  return request;
}

bool reset_is_told(const Skeleton& canary) {
  auto pair = connect_pair();
  if (!pair || !watch(canary, pair->client)) return false;
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(pair->server.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  pair->server.reset();
  char byte = 0;
  const bool told = becomes_readable(pair->client) &&
                    ::recv(pair->client.get(), &byte, 1, MSG_DONTWAIT) < 0 && errno == ECONNRESET;
  unwatch(canary);
  return told;
}

}  // namespace

CanaryVerdict try_header_canary() {
  const Skeleton canary = load_program();
  if (!canary) return {HeaderReach::kNone, "this kernel does not load the programs for it"};
  const auto pair = connect_pair();
  if (!pair) return {HeaderReach::kNone, "no loopback connection can be made to try it"};
  const std::string plain = std::string(kRequestLine) + std::string(kRest);
  if (!watch(canary, pair->client))
    return {HeaderReach::kNone, "this kernel does not let sockets be watched"};
  if (!send_request(pair->client) || !arrives(pair->server, request_with_line()))
    return {HeaderReach::kNone, "on this kernel the bytes do not come out right"};
  if (!answer(pair->server) || !becomes_readable(pair->client))
    return {HeaderReach::kNone, "on this kernel a watched socket does not tell that it has data"};
  const bool counted = counts(pair->client, kAnswer.size());
  // From here on it is an ordinary socket again.
  if (!unwatch(canary) || !counts(pair->client, kAnswer.size()) ||
      !becomes_readable(pair->client) || !arrives(pair->client, kAnswer) ||
      !send_request(pair->client) || !becomes_readable(pair->server) ||
      !counts(pair->server, plain.size()) || !arrives(pair->server, plain))
    return {HeaderReach::kNone, "on this kernel a socket does not recover from being watched"};
  if (!counted)
    return {HeaderReach::kFirstRequest,
            "this kernel answers FIONREAD with 0 on a watched socket that has data"};
  if (!reset_is_told(canary))
    return {HeaderReach::kFirstRequest, "on this kernel a watched socket does not tell of a reset"};
  return {HeaderReach::kEveryRequest, ""};
}

}  // namespace tacit::probe
