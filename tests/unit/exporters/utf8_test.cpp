// SPDX-License-Identifier: Apache-2.0
#include "exporters/utf8.h"

#include <gtest/gtest.h>

namespace tacit::exporters {
namespace {

std::string valid(std::string_view text) {
  std::string out;
  append_valid_utf8(out, text);
  return out;
}

std::string printable(std::string_view text) {
  std::string out;
  append_printable(out, text);
  return out;
}

std::string json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

constexpr const char* kBad = "\xEF\xBF\xBD";

TEST(Utf8, KeepsValidTextOfEveryLength) {
  const std::string text =
      "plain ascii of more than eight bytes \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80";
  EXPECT_EQ(valid_utf8_prefix(text), text.size());
  EXPECT_EQ(valid(text), text);
  EXPECT_EQ(valid(""), "");
}

TEST(Utf8, ReplacesEachInvalidByte) {
  EXPECT_EQ(valid("a\xFF"
                  "b"),
            std::string("a") + kBad + "b");
  EXPECT_EQ(valid("\xC0\xAF"), std::string(kBad) + kBad);  // overlong '/'
  EXPECT_EQ(valid("\xE0\x80\xAF"), std::string(kBad) + kBad + kBad);
  EXPECT_EQ(valid("\xED\xA0\x80"), std::string(kBad) + kBad + kBad);             // a surrogate
  EXPECT_EQ(valid("\xF4\x90\x80\x80"), std::string(kBad) + kBad + kBad + kBad);  // > U+10FFFF
  EXPECT_EQ(valid("\xE2\x82"), std::string(kBad) + kBad);                        // cut off
  EXPECT_EQ(valid("12345678\x80"), std::string("12345678") + kBad);
}

TEST(Utf8, PrintableKeepsLettersAndEscapesWhatSteersATerminal) {
  EXPECT_EQ(printable("caf\xC3\xA9 \xE6\x97\xA5"), "caf\xC3\xA9 \xE6\x97\xA5");
  EXPECT_EQ(printable("\x1b[2J\x07\n\x7f"), "\\u{1b}[2J\\u{7}\\u{a}\\u{7f}");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\\u{9b}31m");  // C1 CSI
  EXPECT_EQ(printable("\xE2\x80\xAE"
                      "x"),
            "\\u{202e}x");  // right-to-left override
  EXPECT_EQ(printable("\xE2\x81\xA6"
                      "x"),
            "\\u{2066}x");                                 // isolate
  EXPECT_EQ(printable("\xF3\xA0\x81\x81"), "\\u{e0041}");  // tag character
  EXPECT_EQ(printable("\x9b\xff"), "\\x9b\\xff");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\u{0}");
}

TEST(Utf8, JsonEscapes) {
  EXPECT_EQ(json("a\"b\\c\n\r\t\x01\x7f"), R"("a\"b\\c\n\r\t\u0001\u007f")");
  EXPECT_EQ(json("\xC3\xA9"), "\"\xC3\xA9\"");
  EXPECT_EQ(json("\xE2\x80\xAE\xC2\x9B"), R"("\u202e\u009b")");
  EXPECT_EQ(json("\xF3\xA0\x81\x81"), R"("\udb40\udc41")");
  EXPECT_EQ(json("\xff"), std::string("\"") + kBad + "\"");
  EXPECT_EQ(json(""), "\"\"");
}

}  // namespace
}  // namespace tacit::exporters
