// SPDX-License-Identifier: Apache-2.0
#include "agent/semantics/connect_failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "agent/base/valid_text.h"
#include "agent/semantics/error_type.h"
#include "agent/semantics/socket_text.h"

namespace tacit::semantics {
namespace {

using connection::Family;

std::string message(int error_number, const std::string& peer) {
  switch (error_number) {
    case 0:
      return fmt::format("the process gave up connecting to {}", peer);
    case ECONNREFUSED:
      return fmt::format("connection refused by {}", peer);
    case ETIMEDOUT:
      return fmt::format("connecting to {} timed out", peer);
    case ECONNRESET:
      return fmt::format("connection reset by {}", peer);
    case EHOSTUNREACH:
      return fmt::format("host unreachable: {}", peer);
    case ENETUNREACH:
      return fmt::format("network unreachable: {}", peer);
    default: {
      const char* text = ::strerrordesc_np(error_number);
      return fmt::format("connecting to {} failed: {}", peer,
                         text ? std::string(text) : fmt::format("error {}", error_number));
    }
  }
}

}  // namespace

telemetry::Span describe_connect_failure(const connection::Endpoints& endpoints, int error_number,
                                         uint64_t begin_ns, uint64_t end_ns,
                                         int64_t wall_offset_ns) {
  telemetry::Span span;
  span.name = "connect";
  span.kind = telemetry::SpanKind::kClient;
  span.start_unix_ns = static_cast<uint64_t>(static_cast<int64_t>(begin_ns) + wall_offset_ns);
  span.end_unix_ns = span.start_unix_ns + (end_ns > begin_ns ? end_ns - begin_ns : 0);
  span.status = telemetry::StatusCode::kError;
  span.status_message = message(error_number, remote_text(endpoints));
  telemetry::Attributes& out = span.attributes;
  out.reserve(8);
  if (endpoints.family == Family::kIpv4 || endpoints.family == Family::kIpv6) {
    const std::string address = address_text(endpoints.family, endpoints.remote);
    const int64_t port = endpoints.remote.port;
    out.push_back({"server.address", address});
    out.push_back({"server.port", port});
    out.push_back({"network.peer.address", address});
    out.push_back({"network.peer.port", port});
    out.push_back({"network.transport", std::string("tcp")});
  } else if (endpoints.family == Family::kUnix) {
    if (!endpoints.unix_path.empty()) {
      const std::string path = valid_utf8(endpoints.unix_path);
      out.push_back({"server.address", path});
      out.push_back({"network.peer.address", path});
    }
    out.push_back({"network.transport", std::string("unix")});
  }
  const std::string_view type =
      error_number == 0 ? std::string_view(kConnectAborted) : errno_name(error_number);
  out.push_back({"error.type", std::string(type)});
  return span;
}

}  // namespace tacit::semantics
