// SPDX-License-Identifier: Apache-2.0
#include "agent/config/nearest_name.h"

#include <gtest/gtest.h>

#include <array>

namespace tacit::config {
namespace {

constexpr std::array<std::string_view, 3> kNames = {"http.query", "http.routes", "log.level"};

TEST(NearestName, CountsInsertDeleteReplace) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance(std::string(1000, 'a'), std::string(1000, 'b')), 64u);
}

TEST(NearestName, FindsATypo) {
  EXPECT_EQ(nearest_name("http.qery", kNames), "http.query");
  EXPECT_EQ(nearest_name("http.route", kNames), "http.routes");
  EXPECT_EQ(suggestion("log.levle", kNames), "; did you mean log.level?");
}

TEST(NearestName, StaysSilentWhereNothingIsNear) {
  EXPECT_EQ(nearest_name("completely.else", kNames), "");
  EXPECT_EQ(suggestion("", kNames), "");
}

}  // namespace
}  // namespace tacit::config
