// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace tacit::discovery {
namespace {

TEST(Glob, MatchesTheWholeText) {
  EXPECT_TRUE(glob_matches("/usr/sbin/nginx", "/usr/sbin/nginx"));
  EXPECT_FALSE(glob_matches("nginx", "/usr/sbin/nginx"));
  EXPECT_FALSE(glob_matches("/usr/sbin/ngin", "/usr/sbin/nginx"));
  EXPECT_TRUE(glob_matches("", ""));
  EXPECT_FALSE(glob_matches("", "a"));
}

TEST(Glob, StarIsAnyRunWithSlashes) {
  EXPECT_TRUE(glob_matches("*", ""));
  EXPECT_TRUE(glob_matches("*/python3*", "/usr/bin/python3.11"));
  EXPECT_TRUE(glob_matches("*nginx", "/usr/sbin/nginx"));
  EXPECT_TRUE(glob_matches("a*b*c", "aXbXbXc"));
  EXPECT_FALSE(glob_matches("a*b*c", "aXbXbX"));
  EXPECT_TRUE(glob_matches("**", "abc"));
}

TEST(Glob, QuestionMarkIsOneCharacter) {
  EXPECT_TRUE(glob_matches("a?c", "abc"));
  EXPECT_FALSE(glob_matches("a?c", "ac"));
  EXPECT_FALSE(glob_matches("?", ""));
}

TEST(Glob, AStarInTheTextIsPlain) {
  EXPECT_TRUE(glob_matches("a*", "a*b"));
  EXPECT_FALSE(glob_matches("ab", "a*b"));
}

// With a matcher that retries every star this would take longer than the universe has.
TEST(Glob, HostilePatternsStayCheap) {
  std::string pattern;
  for (int i = 0; i < 100; ++i) pattern += "*a";
  EXPECT_FALSE(glob_matches(pattern + "b", std::string(4096, 'a')));
}

}  // namespace
}  // namespace tacit::discovery
