#include "policy/base/text.h"

#include <gtest/gtest.h>

#include <array>

namespace guard {
namespace {

TEST(Text, KeepsText) {
  EXPECT_EQ(escaped("/srv/shop/Größe 日本 🐘"), "/srv/shop/Größe 日本 🐘");
  EXPECT_EQ(quote("shop"), "\"shop\"");
}

TEST(Text, EscapesTerminalControls) {
  EXPECT_EQ(escaped("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(escaped("\a\b\n\r\t\x7f"), "\\x07\\x08\\n\\r\\t\\x7f");
  EXPECT_EQ(escaped(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(escaped("\xc2\x9b"), "\\u009b");              // CSI in one character
  EXPECT_EQ(escaped("\xe2\x80\xae"), "\\u202e");          // right-to-left override
  EXPECT_EQ(escaped("\xe2\x80\xa8"), "\\u2028");          // line separator
  EXPECT_EQ(escaped("\xf3\xa0\x81\x81"), "\\U000e0041");  // tag characters
}

TEST(Text, EscapesReversibly) {
  EXPECT_EQ(escaped("a\\n"), "a\\\\n");
}

TEST(Text, EscapesInvalidBytes) {
  EXPECT_EQ(escaped("\xff"), "\\xff");
  EXPECT_EQ(escaped("\xc3"), "\\xc3");                    // cut short
  EXPECT_EQ(escaped("\xc0\xaf"), "\\xc0\\xaf");           // overlong
  EXPECT_EQ(escaped("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // surrogate
  EXPECT_EQ(escaped("\xf5\x80\x80\x80"), "\\xf5\\x80\\x80\\x80");
  EXPECT_FALSE(is_utf8("a\xff"));
  EXPECT_TRUE(is_utf8("aß"));
}

TEST(Text, PlainTextMeansNothingToAShell) {
  EXPECT_TRUE(is_plain("cp -a ./a /srv/b"));
  EXPECT_FALSE(is_plain_word("cp -a"));
  EXPECT_TRUE(is_plain_word("/srv/a_b-1.txt"));
  for (const char* text : {"", "-rf", "a;b", "$HOME", "a'b", "a\\b", "a\nb", "a*", "\xc3\xa9"}) {
    EXPECT_FALSE(is_plain(text)) << text;
    EXPECT_FALSE(is_plain_word(text)) << text;
  }
}

TEST(Text, FindsTheNearestWord) {
  constexpr std::array<std::string_view, 4> kKeys{"owner", "group", "guard", "exclude"};
  EXPECT_EQ(nearest("onwer", kKeys), "owner");
  EXPECT_EQ(nearest("ower", kKeys), "owner");
  EXPECT_EQ(nearest("excludes", kKeys), "exclude");
  EXPECT_EQ(nearest("colour", kKeys), "");
  EXPECT_EQ(nearest(std::string(100'000, 'x'), kKeys), "");
}

TEST(Text, EditDistanceCountsASwapAsOneEdit) {
  EXPECT_EQ(edit_distance("onwer", "owner"), 1U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("fix", "fix"), 0U);
}

}  // namespace
}  // namespace guard
