// SPDX-License-Identifier: Apache-2.0
#include "agent/config/attribute_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tacit::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

TEST(AttributeList, ReadsPairsTrimsAndDecodes) {
  EXPECT_THAT(parse_pairs(" a = 1 ,b=two%2Cthree,, c=x=y,d=").value(),
              ElementsAre(Pair("a", "1"), Pair("b", "two,three"), Pair("c", "x=y"), Pair("d", "")));
}

TEST(AttributeList, ALaterKeyWins) {
  EXPECT_THAT(parse_pairs("a=1,a=2").value(), ElementsAre(Pair("a", "2")));
}

TEST(AttributeList, EmptyTextHasNoPairs) { EXPECT_THAT(parse_pairs(" , ").value(), IsEmpty()); }

TEST(AttributeList, RefusesBrokenItemsWithoutRepeatingThem) {
  EXPECT_THAT(parse_pairs("a=1,secret").error().message,
              ::testing::AllOf(HasSubstr("no '='"), Not(HasSubstr("secret"))));
  EXPECT_THAT(parse_pairs("=1").error().message, HasSubstr("no key"));
  EXPECT_THAT(parse_pairs("a=secret%4").error().message,
              ::testing::AllOf(HasSubstr("hexadecimal"), Not(HasSubstr("secret"))));
  EXPECT_FALSE(parse_pairs("a=%zz").has_value());
}

TEST(AttributeList, RefusesMoreThan128) {
  std::string text;
  for (int i = 0; i < 128; ++i) text += "k" + std::to_string(i) + "=v,";
  EXPECT_EQ(parse_pairs(text).value().size(), 128u);
  EXPECT_FALSE(parse_pairs(text + "more=v").has_value());
}

TEST(AttributeList, DecodesPercentAtTheEnd) {
  EXPECT_EQ(percent_decode("a%41").value(), "aA");
  EXPECT_EQ(percent_decode("%7e%7E").value(), "~~");
  EXPECT_FALSE(percent_decode("%4").has_value());
  EXPECT_FALSE(percent_decode("%").has_value());
}

}  // namespace
}  // namespace tacit::config
