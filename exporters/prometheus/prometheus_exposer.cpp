// SPDX-License-Identifier: Apache-2.0
#include "exporters/prometheus/prometheus_exposer.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <future>
#include <thread>
#include <utility>
#include <vector>

#include "agent/base/fd.h"
#include "agent/base/log.h"
#include "exporters/export_thread.h"

namespace tacit::exporters {
namespace {

class SourceCollectable : public prometheus::Collectable {
 public:
  explicit SourceCollectable(const telemetry::MetricSource& source) : source_(source) {}
  std::vector<prometheus::MetricFamily> Collect() const override {
    try {
      return source_.collect();
    } catch (const std::exception& error) {  // civetweb's C code must not see it
      log::warn(std::string("prometheus: a scrape failed: ") + log::escape(error.what()));
      return {};
    }
  }

 private:
  const telemetry::MetricSource& source_;
};

struct Address {
  sockaddr_storage socket{};
  socklen_t size = 0;
  std::string text;  // as civetweb wants it: 127.0.0.1:9464, [::1]:9464
  bool loopback = false;
};

Address describe(const addrinfo& found, uint16_t port) {
  Address address;
  std::memcpy(&address.socket, found.ai_addr, found.ai_addrlen);
  address.size = found.ai_addrlen;
  char numeric[INET6_ADDRSTRLEN] = {};
  if (found.ai_family == AF_INET) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(address.socket);
    v4.sin_port = htons(port);
    ::inet_ntop(AF_INET, &v4.sin_addr, numeric, sizeof numeric);
    address.loopback = ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    address.text = fmt::format("{}:{}", numeric, port);
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address.socket);
    v6.sin6_port = htons(port);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, numeric, sizeof numeric);
    address.loopback = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    address.text = fmt::format("[{}]:{}", numeric, port);
  }
  return address;
}

// The first address of the host, IPv4 before IPv6: scrape targets are usually written that way.
Result<Address> resolve(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    return fail(
        fmt::format("Cannot serve metrics on '{}': {}; set the Prometheus host to a name "
                    "or address of this machine.",
                    log::escape(host), ::gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list(found, ::freeaddrinfo);
  for (const int family : {AF_INET, AF_INET6}) {
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
      if (one->ai_family == family) return describe(*one, port);
    }
  }
  return fail(
      fmt::format("Cannot serve metrics on '{}': it has no IP address; set the Prometheus "
                  "host to one of this machine.",
                  log::escape(host)));
}

// civetweb says only that it failed; binding once more tells why.
std::string bind_error(const Address& address) {
  const Fd probe(::socket(address.socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (!probe.valid()) return std::strerror(errno);
  ::setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(probe.get(), reinterpret_cast<const sockaddr*>(&address.socket), address.size) != 0 ||
      ::listen(probe.get(), 1) != 0) {
    return std::strerror(errno);
  }
  return "the HTTP server did not start";
}

}  // namespace

Result<std::unique_ptr<PrometheusExposer>> PrometheusExposer::start(
    const std::string& host, uint16_t port, const telemetry::MetricSource& source) {
  const Result<Address> address = resolve(host, port);
  if (!address) return std::unexpected(address.error());
  try {
    const SignalsBlocked blocked;  // civetweb's threads inherit it
    // One thread waits for connections, two answer: a slow reader does not stop the next scrape.
    auto exposer = std::make_unique<prometheus::Exposer>(std::vector<std::string>{
        "listening_ports", address->text, "num_threads", "2", "request_timeout_ms", "5000"});
    auto collectable = std::make_shared<SourceCollectable>(source);
    exposer->RegisterCollectable(collectable);
    if (!address->loopback) {
      log::warn(
          fmt::format("prometheus: /metrics on {} can be read by everybody who reaches this "
                      "machine; set the Prometheus host to localhost to keep it here",
                      address->text));
    }
    return std::unique_ptr<PrometheusExposer>(
        new PrometheusExposer(std::move(collectable), std::move(exposer), address->socket));
  } catch (const std::exception&) {
    return fail(
        fmt::format("Cannot serve metrics on {}: {}; choose another Prometheus port or stop "
                    "what uses this one.",
                    address->text, bind_error(*address)));
  }
}

PrometheusExposer::PrometheusExposer(std::shared_ptr<prometheus::Collectable> source,
                                     std::unique_ptr<prometheus::Exposer> exposer,
                                     const sockaddr_storage& address)
    : source_(std::move(source)), exposer_(std::move(exposer)), address_(address) {
  // The port is at the same place in both families' addresses.
  reinterpret_cast<sockaddr_in&>(address_).sin_port = htons(port());
}

// civetweb looks whether it must stop when a connection comes, or else every two seconds, and an
// agent that ends should not take that long.
PrometheusExposer::~PrometheusExposer() {
  std::promise<void> stopped;
  std::thread stopping = start_export_thread("prometheus-stop", [this, &stopped] {
    exposer_.reset();
    stopped.set_value();
  });
  std::future<void> end = stopped.get_future();
  do {
    knock();
  } while (end.wait_for(std::chrono::milliseconds(5)) == std::future_status::timeout);
  stopping.join();
}

void PrometheusExposer::knock() const {
  const Fd fd(::socket(address_.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const socklen_t size = address_.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  (void)::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address_), size);
}

uint16_t PrometheusExposer::port() const {
  const std::vector<int> ports = exposer_->GetListeningPorts();
  return ports.empty() ? 0 : static_cast<uint16_t>(ports.front());
}

}  // namespace tacit::exporters
