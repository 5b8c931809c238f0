// SPDX-License-Identifier: Apache-2.0
#include "agent/semantics/route_pattern.h"

#include <gtest/gtest.h>

namespace tacit::semantics {
namespace {

bool matches(const char* pattern, const char* path) { return RoutePattern(pattern).matches(path); }

TEST(RoutePattern, Literals) {
  EXPECT_TRUE(matches("/", "/"));
  EXPECT_FALSE(matches("/", "/a"));
  EXPECT_TRUE(matches("/a/b", "/a/b"));
  EXPECT_FALSE(matches("/a/b", "/a"));
  EXPECT_FALSE(matches("/a/b", "/a/b/"));
  EXPECT_FALSE(matches("/a/b", "/a/b/c"));
  EXPECT_FALSE(matches("/a", "a"));
}

TEST(RoutePattern, OneSegment) {
  EXPECT_TRUE(matches("/items/{item_id}", "/items/17"));
  EXPECT_TRUE(matches("/items/*/bars", "/items/x/bars"));
  EXPECT_FALSE(matches("/items/{item_id}", "/items/"));
  EXPECT_FALSE(matches("/items/{item_id}", "/items/1/2"));
  EXPECT_FALSE(matches("/items/{}", "/items/1"));
}

TEST(RoutePattern, TheRest) {
  EXPECT_TRUE(matches("/static/**", "/static/a/b/c"));
  EXPECT_TRUE(matches("/static/**", "/static/"));
  EXPECT_TRUE(matches("/static/**", "/static"));
  EXPECT_TRUE(matches("/files/{name:path}", "/files/a/b"));
  EXPECT_FALSE(matches("/static/**", "/stat"));
}

}  // namespace
}  // namespace tacit::semantics
