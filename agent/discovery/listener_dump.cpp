// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/listener_dump.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <vector>

#include "agent/base/fd.h"

namespace tacit::discovery {
namespace {

constexpr uint32_t kListenState = 1u << 10;  // TCP_LISTEN, include/net/tcp_states.h
constexpr size_t kMaxListeners = 100'000;

struct Request {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

bool ask(int fd, uint8_t family) {
  Request request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.sdiag_family = family;
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.idiag_states = kListenState;
  return ::send(fd, &request, sizeof request, 0) == static_cast<ssize_t>(sizeof request);
}

enum class Progress { kMore, kDone, kFailed };

Progress take(const nlmsghdr* header, size_t bytes, std::map<uint64_t, uint16_t>& out) {
  for (; NLMSG_OK(header, bytes); header = NLMSG_NEXT(header, bytes)) {
    if (header->nlmsg_type == NLMSG_DONE) return Progress::kDone;
    if (header->nlmsg_type == NLMSG_ERROR) return Progress::kFailed;
    if (header->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg))) continue;
    const auto* socket = static_cast<const inet_diag_msg*>(NLMSG_DATA(header));
    if (socket->idiag_inode != 0) out[socket->idiag_inode] = ntohs(socket->id.idiag_sport);
  }
  return out.size() < kMaxListeners ? Progress::kMore : Progress::kDone;
}

bool dump_family(uint8_t family, std::map<uint64_t, uint16_t>& out) {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (!fd.valid()) return false;
  const timeval patience{1, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (!ask(fd.get(), family)) return false;
  std::vector<uint64_t> buffer(4096);  // 32 KiB, aligned for nlmsghdr
  while (true) {
    const ssize_t n = ::recv(fd.get(), buffer.data(), buffer.size() * sizeof(uint64_t), 0);
    if (n <= 0) return false;
    const auto* header = reinterpret_cast<const nlmsghdr*>(buffer.data());
    const auto progress = take(header, static_cast<size_t>(n), out);
    if (progress != Progress::kMore) return progress == Progress::kDone;
  }
}

}  // namespace

std::optional<std::map<uint64_t, uint16_t>> dump_listeners() {
  std::map<uint64_t, uint16_t> out;
  if (!dump_family(AF_INET, out) || !dump_family(AF_INET6, out)) return std::nullopt;
  return out;
}

}  // namespace tacit::discovery
