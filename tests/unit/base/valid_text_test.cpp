// SPDX-License-Identifier: Apache-2.0
#include "agent/base/valid_text.h"

#include <gtest/gtest.h>

namespace tacit {
namespace {

constexpr char kReplacement[] = "\xEF\xBF\xBD";

TEST(ValidUtf8, KeepsWhatIsValid) {
  EXPECT_EQ(valid_utf8(""), "");
  EXPECT_EQ(valid_utf8("plain text, long enough"), "plain text, long enough");
  EXPECT_EQ(valid_utf8("gr\xC3\xBC\xC3\x9F"), "gr\xC3\xBC\xC3\x9F");
  EXPECT_EQ(valid_utf8("\xE2\x82\xAC \xF0\x9F\x98\x80"), "\xE2\x82\xAC \xF0\x9F\x98\x80");
}

TEST(ValidUtf8, ReplacesEachStrayByte) {
  EXPECT_EQ(valid_utf8("a\xFF"), std::string("a") + kReplacement);
  EXPECT_EQ(valid_utf8("\xE2\x82"), std::string(kReplacement) + kReplacement);     // cut short
  EXPECT_EQ(valid_utf8("\xC0\xAF"), std::string(kReplacement) + kReplacement);     // overlong
  EXPECT_EQ(valid_utf8("\xED\xA0\x80").size(), 9u);                                // surrogate
  EXPECT_EQ(valid_utf8("\xF4\x90\x80\x80").size(), 12u);                           // above U+10FFFF
}

}  // namespace
}  // namespace tacit
