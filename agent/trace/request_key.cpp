// SPDX-License-Identifier: Apache-2.0
#include "agent/trace/request_key.h"

#include <algorithm>
#include <cstring>

namespace tacit::trace {
namespace {

using connection::Family;
using connection::Role;

constexpr std::array<uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::array<uint8_t, 16> mapped(Family family, const connection::Address& address) {
  if (family != Family::kIpv4) return address.bytes;
  std::array<uint8_t, 16> out;
  std::copy(kMappedPrefix.begin(), kMappedPrefix.end(), out.begin());
  std::copy_n(address.bytes.begin(), 4, out.begin() + 12);
  return out;
}

bool is_loopback(const std::array<uint8_t, 16>& address) {
  if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), address.begin()))
    return address[12] == 127;
  return address[15] == 1 &&
         std::all_of(address.begin(), address.begin() + 15, [](uint8_t b) { return b == 0; });
}

uint64_t mix(uint64_t hash, uint64_t word) {
  hash ^= word;
  hash *= 0x9E3779B97F4A7C15ULL;  // 2^64 / golden ratio
  return hash ^ (hash >> 32);
}

uint64_t word_at(const std::array<uint8_t, 16>& bytes, size_t offset) {
  uint64_t word;
  std::memcpy(&word, bytes.data() + offset, sizeof(word));
  return word;
}

}  // namespace

std::optional<RequestKey> RequestKey::make(const connection::Endpoints& ends, uint64_t own_socket,
                                           uint64_t peer_socket, uint32_t position) {
  if (ends.role == Role::kUnknown) return {};
  const bool is_client = ends.role == Role::kClient;
  RequestKey key;
  key.position = position;
  if (ends.family == Family::kUnix) {
    key.unix_client = is_client ? own_socket : peer_socket;
    if (key.unix_client == 0) return {};
    return key;
  }
  const auto& client = is_client ? ends.local : ends.remote;
  const auto& server = is_client ? ends.remote : ends.local;
  key.client = mapped(ends.family, client);
  key.server = mapped(ends.family, server);
  key.client_port = client.port;
  key.server_port = server.port;
  if (is_loopback(key.client) || is_loopback(key.server)) key.net_ns = ends.net_ns;
  return key;
}

size_t RequestKeyHash::operator()(const RequestKey& key) const {
  uint64_t hash = mix(key.position, uint64_t{key.client_port} << 32 | uint64_t{key.server_port});
  hash = mix(hash, word_at(key.client, 8));
  hash = mix(hash, word_at(key.server, 8));
  return mix(hash, key.unix_client ^ key.net_ns);
}

}  // namespace tacit::trace
