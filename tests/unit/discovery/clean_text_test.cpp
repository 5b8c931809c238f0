// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/clean_text.h"

#include <gtest/gtest.h>

namespace tacit::discovery {
namespace {

TEST(CleanText, KeepsValidUtf8) { EXPECT_EQ(clean_text("bücher-✓-😀"), "bücher-✓-😀"); }

TEST(CleanText, ReplacesControlCharacters) { EXPECT_EQ(clean_text("a\x1b[2J\nb\x7f"), "a_[2J_b_"); }

TEST(CleanText, ReplacesHighBytesOfInvalidText) {
  EXPECT_EQ(clean_text("a\xff"), "a_");
  EXPECT_EQ(clean_text("\xc0\x80"), "__");          // overlong
  EXPECT_EQ(clean_text("\xed\xa0\x80"), "___");      // surrogate
  EXPECT_EQ(clean_text("\xf4\x90\x80\x80"), "____");  // beyond U+10FFFF
  EXPECT_EQ(clean_text("a\xe2\x82"), "a__");         // cut
}

TEST(CleanText, CutsBetweenCharacters) {
  EXPECT_EQ(clean_text("aaé", 3), "aa");
  EXPECT_EQ(clean_text("aaé", 4), "aaé");
  EXPECT_EQ(clean_text(std::string(300, 'x')).size(), 255u);
}

}  // namespace
}  // namespace tacit::discovery
