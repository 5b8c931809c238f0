// SPDX-License-Identifier: Apache-2.0
#include "agent/trace/request_key.h"

#include <gtest/gtest.h>

#include "tests/unit/trace/trace_samples.h"

namespace tacit::trace {
namespace {

using connection::Endpoints;
using connection::Family;
using connection::Role;

constexpr std::array<uint8_t, 16> kLoopback6 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
constexpr std::array<uint8_t, 16> kMapped = {0, 0, 0, 0, 0,  0, 0, 0,
                                             0, 0, 0xff, 0xff, 10, 1, 2, 3};

std::optional<RequestKey> key(const Endpoints& ends, uint32_t position = 7) {
  return RequestKey::make(ends, 0, 0, position);
}

TEST(RequestKey, IsTheSameAtBothEnds) {
  const auto client = client_end({10, 0, 0, 1}, 40000, {10, 0, 0, 2}, 80);
  EXPECT_EQ(key(client), key(other_end(client)));
  EXPECT_EQ(RequestKeyHash{}(*key(client)), RequestKeyHash{}(*key(other_end(client))));
}

TEST(RequestKey, DiffersByPositionPortAddressAndDirection) {
  const auto client = client_end({10, 0, 0, 1}, 40000, {10, 0, 0, 2}, 80);
  EXPECT_NE(key(client, 7), key(client, 8));
  EXPECT_NE(key(client), key(client_end({10, 0, 0, 1}, 40001, {10, 0, 0, 2}, 80)));
  EXPECT_NE(key(client), key(client_end({10, 0, 0, 1}, 40000, {10, 0, 0, 2}, 81)));
  EXPECT_NE(key(client), key(client_end({10, 0, 0, 3}, 40000, {10, 0, 0, 2}, 80)));
  EXPECT_NE(key(client), key(client_end({10, 0, 0, 2}, 80, {10, 0, 0, 1}, 40000)));
}

TEST(RequestKey, AMappedAddressIsTheIpv4Address) {
  const auto ipv4 = client_end({10, 1, 2, 3}, 40000, {10, 1, 2, 3}, 80);
  auto ipv6 = other_end(ipv4);  // a server that listens on [::]
  ipv6.family = Family::kIpv6;
  ipv6.local.bytes = ipv6.remote.bytes = kMapped;
  EXPECT_EQ(key(ipv4), key(ipv6));
}

TEST(RequestKey, LoopbackHoldsWithinOneNamespace) {
  auto here = client_end({127, 0, 0, 1}, 40000, {127, 0, 0, 1}, 80);
  auto there = here;
  here.net_ns = 1;
  there.net_ns = 2;
  EXPECT_NE(key(here), key(there));
  EXPECT_EQ(key(here), key(other_end(here)));
  EXPECT_NE(key(here), key(other_end(there)));

  here.family = there.family = Family::kIpv6;
  here.local.bytes = here.remote.bytes = there.local.bytes = there.remote.bytes = kLoopback6;
  EXPECT_NE(key(here), key(there));
  EXPECT_EQ(key(here), key(other_end(here)));
}

TEST(RequestKey, OtherAddressesHoldAcrossNamespaces) {
  auto client = client_end({10, 0, 0, 1}, 40000, {10, 0, 0, 2}, 80);
  auto server = other_end(client);
  client.net_ns = 1;
  server.net_ns = 2;
  EXPECT_EQ(key(client), key(server));
}

TEST(RequestKey, UnixSocketsAreToldByTheClientsInode) {
  Endpoints client;
  client.family = Family::kUnix;
  client.role = Role::kClient;
  Endpoints server = client;
  server.role = Role::kServer;
  EXPECT_EQ(RequestKey::make(client, 11, 22, 7), RequestKey::make(server, 22, 11, 7));
  EXPECT_NE(RequestKey::make(client, 11, 22, 7), RequestKey::make(server, 23, 12, 7));
  EXPECT_NE(RequestKey::make(client, 11, 22, 7), RequestKey::make(client, 11, 22, 8));
  EXPECT_TRUE(RequestKey::make(client, 11, 0, 7).has_value());  // its own inode will do
  EXPECT_FALSE(RequestKey::make(server, 22, 0, 7).has_value());
}

TEST(RequestKey, WithoutARoleThereIsNone) {
  auto ends = client_end({10, 0, 0, 1}, 40000, {10, 0, 0, 2}, 80);
  ends.role = Role::kUnknown;
  EXPECT_FALSE(key(ends).has_value());
}

}  // namespace
}  // namespace tacit::trace
