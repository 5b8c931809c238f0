// SPDX-License-Identifier: Apache-2.0
#include "agent/semantics/request_target.h"

#include <gtest/gtest.h>

#include <string>

namespace tacit::semantics {
namespace {

TEST(RequestTarget, OriginForm) {
  const RequestTarget target = parse_target("GET", "/a/b?x=1&y=2#frag");
  EXPECT_EQ(target.form, TargetForm::kOrigin);
  EXPECT_EQ(target.path, "/a/b");
  EXPECT_EQ(target.query, "x=1&y=2");
  EXPECT_TRUE(target.has_query);
}

TEST(RequestTarget, AnEmptyQueryIsAQuery) {
  EXPECT_TRUE(parse_target("GET", "/a?").has_query);
  EXPECT_FALSE(parse_target("GET", "/a").has_query);
}

TEST(RequestTarget, AbsoluteForm) {
  const RequestTarget target = parse_target("GET", "https://u:p@host:8443?q=1");
  EXPECT_EQ(target.form, TargetForm::kAbsolute);
  EXPECT_EQ(target.scheme, "https");
  EXPECT_EQ(target.authority, "u:p@host:8443");
  EXPECT_EQ(target.path, "/");
  EXPECT_EQ(target.query, "q=1");
}

TEST(RequestTarget, AUrlInAPathIsAPath) {
  const RequestTarget target = parse_target("GET", "/fetch/http://other/x");
  EXPECT_EQ(target.form, TargetForm::kOrigin);
  EXPECT_EQ(target.path, "/fetch/http://other/x");
}

TEST(RequestTarget, AuthorityAndAsteriskForm) {
  EXPECT_EQ(parse_target("CONNECT", "host:443").form, TargetForm::kAuthority);
  EXPECT_EQ(parse_target("CONNECT", "host:443").authority, "host:443");
  EXPECT_EQ(parse_target("CONNECT", "host:443").path, "");
  EXPECT_EQ(parse_target("OPTIONS", "*").form, TargetForm::kAsterisk);
}

TEST(RequestTarget, GarbageIsOther) {
  EXPECT_EQ(parse_target("GET", "").form, TargetForm::kOther);
  EXPECT_EQ(parse_target("GET", "\xff\xfe://x/").form, TargetForm::kOther);
  EXPECT_EQ(parse_target("GET", "a?b").path, "a");
}

TEST(Authority, HostAndPort) {
  EXPECT_EQ(parse_authority("host").host, "host");
  EXPECT_EQ(parse_authority("host").port, 0);
  EXPECT_EQ(parse_authority("host:80").port, 80);
  EXPECT_EQ(parse_authority("host:").host, "host");
  EXPECT_EQ(parse_authority("[::1]:8080").host, "::1");
  EXPECT_EQ(parse_authority("[::1]:8080").port, 8080);
  EXPECT_EQ(parse_authority("[fe80::1%25eth0]").host, "fe80::1%25eth0");
}

TEST(Authority, UserInfoIsNeverPartOfTheHost) {
  const Authority authority = parse_authority("user:pa@ss@host:81");
  EXPECT_EQ(authority.host, "host");
  EXPECT_EQ(authority.port, 81);
  EXPECT_TRUE(authority.has_user_info);
}

TEST(Authority, WhatIsNoAuthorityHasNoHost) {
  for (const char* text : {"", "a b", "a\x1b[31m", "a:b", "a:0", "a:65536", "a:1:2", "[::1",
                           "[::1]x", "h\xc3\xb6st", "a/b", "<script>"}) {
    EXPECT_EQ(parse_authority(text).host, "") << text;
    EXPECT_EQ(parse_authority(text).port, 0) << text;
  }
  EXPECT_EQ(parse_authority(std::string(256, 'a')).host, "");
  EXPECT_EQ(parse_authority(std::string(255, 'a')).host, std::string(255, 'a'));
}

}  // namespace
}  // namespace tacit::semantics
