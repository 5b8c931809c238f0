// SPDX-License-Identifier: Apache-2.0
#include "agent/semantics/socket_text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "agent/base/valid_text.h"

namespace tacit::semantics {
namespace {

using connection::Family;

void append_ipv4(const uint8_t* bytes, std::string& out) {
  std::array<char, 16> text;
  char* at = text.data();
  for (int i = 0; i < 4; ++i) {
    if (i > 0) *at++ = '.';
    at = std::to_chars(at, text.data() + text.size(), bytes[i]).ptr;
  }
  out.append(text.data(), at);
}

bool maps_ipv4(const connection::Address& address) {
  constexpr std::array<uint8_t, 12> kPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  return std::equal(kPrefix.begin(), kPrefix.end(), address.bytes.begin());
}

}  // namespace

void append_address(Family family, const connection::Address& address, std::string& out) {
  if (family == Family::kIpv4) {
    append_ipv4(address.bytes.data(), out);
  } else if (family == Family::kIpv6 && maps_ipv4(address)) {
    append_ipv4(address.bytes.data() + 12, out);
  } else if (family == Family::kIpv6) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (::inet_ntop(AF_INET6, address.bytes.data(), text.data(), text.size())) out += text.data();
  }
}

std::string address_text(Family family, const connection::Address& address) {
  std::string text;
  append_address(family, address, text);
  return text;
}

std::string remote_text(const connection::Endpoints& endpoints) {
  if (endpoints.family == Family::kUnix) {
    return endpoints.unix_path.empty() ? "an unnamed unix socket" : valid_utf8(endpoints.unix_path);
  }
  std::string text = address_text(endpoints.family, endpoints.remote);
  if (text.empty()) return "an unknown address";
  if (text.find(':') != std::string::npos) text = "[" + text + "]";
  return text + ":" + std::to_string(endpoints.remote.port);
}

}  // namespace tacit::semantics
