// SPDX-License-Identifier: Apache-2.0
#include "agent/semantics/route_segment.h"

#include <gtest/gtest.h>

#include <string>

namespace tacit::semantics {
namespace {

std::string shown(std::string_view segment) {
  SegmentScratch scratch;
  return std::string(classify_segment(segment, scratch).text);
}

SegmentKind kind(std::string_view segment) {
  SegmentScratch scratch;
  return classify_segment(segment, scratch).kind;
}

TEST(RouteSegment, WordsStay) {
  for (const char* word : {"", "users", "me", "api", "v1", "v2", "v1beta1", "V3", "v2.1", "oauth2",
                           "s3", "web-app", "batch_get", "users:search", ".well-known",
                           "openid-configuration", "jquery-3.6.0.min.js", "index.html", "1.1",
                           "GetUserByEmailV2Async", "feedface", "robots.txt", "acme.Users"}) {
    EXPECT_EQ(shown(word), word);
    EXPECT_NE(kind(word), SegmentKind::kPlaceholder) << word;
  }
}

TEST(RouteSegment, ValuesByForm) {
  const std::pair<const char*, const char*> cases[] = {
      {"17", "{id}"},
      {"-3", "{id}"},
      {"20251111", "{id}"},
      {"user-42", "{id}"},
      {"op_training_12", "{id}"},
      {"op_training_20251111_123456", "{id}"},
      {"20251111_123456", "{id}"},
      {"cus_NffrFeUfNV2Hib", "{id}"},
      {"worker:5003", "{id}"},
      {"550e8400-e29b-41d4-a716-446655440000", "{uuid}"},
      {"550E8400-E29B-41D4-A716-446655440000", "{uuid}"},
      {"user_550e8400-e29b-41d4-a716-446655440000", "{id}"},
      {"d41d8cd98f00b204e9800998ecf8427e", "{hash}"},
      {"3f9a8b7c", "{hash}"},
      {"2025-11-11", "{date}"},
      {"2025-11", "{date}"},
      {"2025-11-11T12%3A00%3A00Z", "{date}"},
      {"10.0.0.1", "{ip}"},
      {"ann@example.org", "{email}"},
      {"ann%40example.org", "{email}"},
      {"01ARZ3NDEKTSV4RRFFQ69G5FAV", "{id}"},
      {"dQw4w9WgXcQ12abZ", "{id}"},
      {"a{b}", "{value}"},
      {"h\xC3\xB6he", "{value}"},
      {"17.json", "{id}.json"},
      {"app-3f9a8b7c.js", "{id}.js"},
      {"550e8400-e29b-41d4-a716-446655440000.woff2", "{uuid}.woff2"},
      {"17.evil", "17.evil"},
  };
  for (const auto& [segment, expected] : cases) EXPECT_EQ(shown(segment), expected) << segment;
}

TEST(RouteSegment, LongTextIsAValue) {
  EXPECT_EQ(shown(std::string(64, 'a')), std::string(64, 'a'));
  EXPECT_EQ(shown(std::string(65, 'a')), "{value}");
  EXPECT_EQ(shown("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0"),
            "{id}");
}

TEST(RouteSegment, HintsOfAValue) {
  EXPECT_EQ(kind("AAPL"), SegmentKind::kValueLike);
  EXPECT_EQ(kind("BTC-USD"), SegmentKind::kValueLike);
  EXPECT_EQ(kind("a%20b"), SegmentKind::kValueLike);
  EXPECT_EQ(kind("A"), SegmentKind::kStatic);
  EXPECT_EQ(kind("Users"), SegmentKind::kStatic);
}

TEST(RouteSegment, PathParametersAreCut) {
  EXPECT_EQ(shown("cart;jsessionid=0123456789ABCDEF"), "cart");
  EXPECT_EQ(shown("17;v=2"), "{id}");
}

}  // namespace
}  // namespace tacit::semantics
