#include "sql/shell/display_width.h"

#include <gtest/gtest.h>

namespace dashi {
namespace {

TEST(DisplayWidthTest, CountsColumns) {
  EXPECT_EQ(DisplayWidth("abc"), 3U);
  EXPECT_EQ(DisplayWidth("日本"), 4U);
  EXPECT_EQ(DisplayWidth("e\xCC\x81"), 1U);
  EXPECT_EQ(DisplayWidth("\xff\xfe"), 2U);
  EXPECT_EQ(DisplayWidth(""), 0U);
}

TEST(DisplayWidthTest, NeverSplitsACharacter) {
  EXPECT_EQ(PrefixOfWidth("a日本", 2), "a");
  EXPECT_EQ(PrefixOfWidth("a日本", 3), "a日");
  EXPECT_EQ(PrefixOfWidth("e\xCC\x81x", 1), "e\xCC\x81");
  EXPECT_EQ(PrefixOfWidth("abc", 0), "");
  EXPECT_EQ(CutToWidth("abcdef", 4), "abc…");
  EXPECT_EQ(CutToWidth("abcd", 4), "abcd");
  EXPECT_EQ(CutToWidth("日本語", 4), "日…");
  EXPECT_EQ(CutToWidth("abc", 0), "");
}

TEST(DisplayWidthTest, MakesControlCharactersVisible) {
  EXPECT_EQ(PrintableText("a\tb\rc\nd\x1b[0m\x7f"), "a\\tb\\rc\nd\\x1B[0m\\x7F");
  EXPECT_EQ(PrintableText("\xC2\x9B"), "\\x9B");
  EXPECT_EQ(PrintableText("\xE2\x80\xAE"
                          "abc"),
            "\\u202Eabc");
  EXPECT_EQ(PrintableText("a\xffz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(PrintableText("naïve 日本"), "naïve 日本");
}

}  // namespace
}  // namespace dashi
