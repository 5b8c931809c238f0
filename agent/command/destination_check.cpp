// SPDX-License-Identifier: Apache-2.0
// Can the collector be reached at all? A TCP connection says so without sending it anything.
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "agent/base/fd.h"
#include "agent/base/log.h"
#include "agent/command/doctor.h"

namespace tacit::command {
namespace {

constexpr int kWaitMs = 2000;

struct Place {
  std::string host;
  std::string port;
};

// An endpoint as config.h has it: scheme://host[:port][/path], [v6] in brackets.
Place place_of(const std::string& url) {
  const bool tls = url.starts_with("https://");
  const size_t begin = url.find("://") + 3;
  const auto authority = url.substr(begin, url.find('/', begin) - begin);
  const size_t bracket = authority.rfind(']');
  const size_t colon = authority.rfind(':');
  const bool has_port =
      colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  Place out{authority.substr(0, has_port ? colon : authority.size()),
            has_port ? authority.substr(colon + 1) : tls ? "443" : "80"};
  if (bracket != std::string::npos) out.host = out.host.substr(1, bracket - 1);
  return out;
}

// 0, or the errno of the failure.
int try_connect(const addrinfo& address) {
  Fd fd(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return errno;
  if (::connect(fd.get(), address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd wait{fd.get(), POLLOUT, 0};
  if (::poll(&wait, 1, kWaitMs) <= 0) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

// Empty: reached; else why not.
std::string reach(const Place& place) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int error = ::getaddrinfo(place.host.c_str(), place.port.c_str(), &hints, &list);
      error != 0)
    return ::gai_strerror(error);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, ::freeaddrinfo);
  int error = EHOSTUNREACH;
  for (const addrinfo* at = list; at != nullptr && error != 0; at = at->ai_next)
    error = try_connect(*at);
  return error == 0 ? "" : std::strerror(error);
}

HostCheck check_destination(const char* name, const std::string& endpoint) {
  const auto failure = reach(place_of(endpoint));
  const bool ok = failure.empty();
  const auto where = log::escape(endpoint);
  return {name, ok, false,
          ok ? where + " takes connections" : fmt::format("{}: {}", where, failure),
          ok ? "" : "what is sent there is kept for a while, then dropped and counted",
          ok ? "" : "start the collector, or correct otlp.endpoint"};
}

}  // namespace

std::vector<HostCheck> check_destinations(const config::Config& config) {
  std::vector<HostCheck> out;
  if (!config.otlp_traces.endpoint.empty())
    out.push_back(check_destination("OTLP traces", config.otlp_traces.endpoint));
  if (!config.otlp_metrics.endpoint.empty())
    out.push_back(check_destination("OTLP metrics", config.otlp_metrics.endpoint));
  return out;
}

}  // namespace tacit::command
