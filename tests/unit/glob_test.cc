#include "policy/glob.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace guard {
namespace {

bool matches(std::string_view pattern, std::string_view path) {
  auto glob = Glob::compile(pattern);
  EXPECT_TRUE(glob) << pattern << ": " << glob.error().text();
  return glob && glob->matches(path);
}

std::string error_of(std::string_view pattern) {
  auto glob = Glob::compile(pattern);
  return glob ? "" : glob.error().text();
}

struct Case {
  std::string_view pattern;
  std::vector<std::string_view> yes;
  std::vector<std::string_view> no;
};

class GlobMatches : public testing::TestWithParam<Case> {};

TEST_P(GlobMatches, AsDocumented) {
  for (const auto path : GetParam().yes) EXPECT_TRUE(matches(GetParam().pattern, path)) << path;
  for (const auto path : GetParam().no) EXPECT_FALSE(matches(GetParam().pattern, path)) << path;
}

INSTANTIATE_TEST_SUITE_P(
    Patterns, GlobMatches,
    testing::Values(
        Case{"conf/keystore", {"conf/keystore"}, {"conf", "conf/keystore/x", "keystore", ""}},
        Case{"*.key", {"a.key", ".key", "ß.key"}, {"d/a.key", "a.keys", "akey"}},
        Case{"*", {"a", ".hidden", "a b"}, {"a/b", ""}}, Case{"**", {"a", "a/b", ".git/x"}, {""}},
        Case{".", {""}, {"a", "."}},
        Case{
            "cache/**", {"cache/a", "cache/a/b/c", "cache/.x"}, {"cache", "cached/a", "x/cache/a"}},
        Case{"**/*.key", {"a.key", "d/a.key", "d/e/f.key", "d/.key"}, {"a.key/b", "d/a.kez"}},
        Case{"**/*é", {"é", "a/é"}, {"e", "é/a", "a\xa9"}},
        Case{"**/*\xa9", {"\xa9", "a/\xa9"}, {"é", "a/é"}},
        Case{"**/a*c", {"ac", "x/abc"}, {"a/c", "abc/d"}}, Case{"**/*", {"a", "a/b"}, {""}},
        Case{"**/{a,b/c}", {"a", "x/b/c"}, {"c", "x/c"}}, Case{"{*,x}*", {"a"}, {"a/b"}},
        Case{"**/cache/**", {"cache/a", "x/cache/a/b"}, {"cache", "x/cache", "xcache/a"}},
        Case{"a/**/b", {"a/b", "a/x/b", "a/x/y/b"}, {"ab", "a/xb", "a/b/c"}},
        Case{"a**b", {"ab", "axb", "a**b"}, {"a/b"}}, Case{"**x", {"x", "yyx"}, {"y/x"}},
        Case{"***", {"a"}, {"a/b"}},
        Case{"log?", {"log1", "logß", "log\xff", "log日"}, {"log", "log/", "log12"}},
        Case{"[a-c]x", {"ax", "cx"}, {"dx", "x", "abx"}},
        Case{"[!a-c]x", {"dx", "ßx"}, {"ax", "/x", "x"}}, Case{"[^a]", {"b"}, {"a"}},
        Case{"[]a]", {"]", "a"}, {"b"}}, Case{"[a-]", {"a", "-"}, {"b"}},
        Case{"[\\]x]", {"]", "x"}, {"\\"}}, Case{"[à-é]", {"ç"}, {"z"}},
        Case{"*.{key,pem}", {"a.key", "a.pem"}, {"a.crt", "a.{key,pem}", "a.key,pem"}},
        Case{"{a,b/c}/d", {"a/d", "b/c/d"}, {"b/d", "c/d"}},
        Case{"x{,.bak}", {"x", "x.bak"}, {"x.", "xbak"}},
        Case{"{a,{b,c}d}", {"a", "bd", "cd"}, {"d", "ad"}},
        Case{"{**/x,y}", {"x", "a/b/x", "y"}, {"a/y"}},
        Case{"{logs,tmp/**}", {"logs", "tmp/a", "tmp/a/b"}, {"tmp", "logs/a"}},
        Case{"{a/,b/}**", {"a/x", "b/x/y"}, {"a", "x"}},
        Case{"{,x/}**/y", {"y", "a/y", "x/y", "x/a/b/y"}, {"x"}},
        Case{"a{**/b,c}", {"a/b", "ax/b", "ac"}, {"ab", "a/x/b"}}, Case{"\\*", {"*"}, {"a", "\\*"}},
        Case{"a\\{b", {"a{b"}, {"ab"}}, Case{"a\\\\", {"a\\"}, {"a", "a\\\\"}},
        Case{"*\\\\b", {"\\b", "a\\b"}, {"b"}}, Case{"a,b", {"a,b"}, {"a"}},
        Case{"a\nb", {"a\nb"}, {"a b"}}, Case{"*\xff*", {"a\xff", "\xff"}, {"a", "ÿ"}},
        Case{"**/?", {"\xff", "a/\xfe"}, {"ab"}}, Case{"a/*/c", {"a/b/c"}, {"a/c", "a/b/b/c"}},
        Case{"a*", {"a", "ab"}, {"ba", "a/b"}}));

TEST(Glob, NamesTheProblemAndThePlace) {
  EXPECT_EQ(error_of(""), "the pattern is empty");
  EXPECT_EQ(error_of("/etc/x"), "patterns are relative to the tree: remove the '/' at the start");
  EXPECT_EQ(error_of("cache/"),
            "a pattern cannot end with '/': remove it, or add ** to match everything below");
  EXPECT_EQ(error_of("a//b"), "the pattern contains an empty name (//)");
  EXPECT_EQ(error_of("../x"), "'..' never matches: patterns are relative to the tree");
  EXPECT_EQ(error_of("./x"), "'.' never matches: it is not the name of a file");
  EXPECT_EQ(error_of("ab[cd"), "character 3: this '[' is not closed; for a literal '[' write \\[");
  EXPECT_EQ(error_of("ab{c,d"), "character 3: this '{' is not closed; for a literal '{' write \\{");
  EXPECT_EQ(error_of("ab}"),
            "character 3: this '}' has no matching '{'; for a literal '}' write \\}");
  EXPECT_EQ(error_of("[z-a]"), "character 5: this range is reversed");
  EXPECT_EQ(error_of("a\\"), "character 2: the '\\' at the end has nothing to escape");
  EXPECT_EQ(error_of("[[:alpha:]]"),
            "character 2: classes such as [:alpha:] are not supported; write a range");
  EXPECT_EQ(error_of("a\\/b"), "character 3: a '/' cannot be escaped: it always separates names");
  EXPECT_NE(error_of("a[/]b"), "");
  EXPECT_NE(error_of("a[+-9]b"), "");  // the range contains '/'
  EXPECT_NE(error_of("{**,a}b"), "");
  EXPECT_EQ(error_of("{a/,b}**"),
            "character 7: after these braces, ** is a whole name for some alternatives only; "
            "split the pattern");
  EXPECT_EQ(error_of("a/**{/b,c}"),
            "character 5: ** before braces is not a whole name; insert a '/'");
  EXPECT_EQ(error_of("{a/,b}***"), "") << "part of a name in any case";
  EXPECT_NE(error_of(std::string("a\0b", 3)), "");
  EXPECT_NE(error_of(std::string(5000, 'a')), "");
  EXPECT_NE(error_of(std::string(40, '{')), "");
}

// Patterns that take exponential time in backtracking matchers.
TEST(Glob, HostilePatternsAreNotSlower) {
  const std::string path(4000, 'a');
  const auto begin = std::chrono::steady_clock::now();
  for (const std::string pattern :
       {"*a*a*a*a*a*a*a*a*a*a*a*a*b", "**/a**/**/a**/**/a**/**/b",
        "{a,a}{a,a}{a,a}{a,a}{a,a}{a,a}{a,a}{a,a}{a,a}*b", "{*a,{*a,{*a,*a}}}{*a,{*a,{*a,*a}}}b"})
    EXPECT_FALSE(matches(pattern, path)) << pattern;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST(Glob, LongLiteralsNeedNoSteps) {
  const std::string name(255, 'n');
  EXPECT_TRUE(matches("a/" + name, "a/" + name));
}

TEST(Glob, FindsItsLiteralDirectory) {
  EXPECT_EQ(Glob::compile("conf/*.key")->literal_directory(), "conf/");
  EXPECT_EQ(Glob::compile("a/b/c")->literal_directory(), "a/b/");
  EXPECT_EQ(Glob::compile("**/x")->literal_directory(), "");
  EXPECT_EQ(Glob::compile("co*/x")->literal_directory(), "");
}

bool covers(std::string_view outer, std::string_view inner) {
  std::size_t work = 2'000'000;  // a few milliseconds
  return Glob::covers(*Glob::compile(outer), *Glob::compile(inner), work);
}

TEST(Glob, FindsWhetherOnePatternCoversAnother) {
  EXPECT_TRUE(covers("**", "a/*.key"));
  EXPECT_TRUE(covers("cache/**", "cache/*"));
  EXPECT_TRUE(covers("cache/**", "cache/x"));
  EXPECT_TRUE(covers("**/*.key", "*.key"));
  EXPECT_TRUE(covers("**/*.key", "conf/**/*.key"));
  EXPECT_TRUE(covers("*.{key,pem}", "a*.pem"));
  EXPECT_TRUE(covers("[a-z]*", "[b-d]x"));
  EXPECT_TRUE(covers("a/**/b", "a/b"));
  EXPECT_TRUE(covers("**/?*", "**"));

  EXPECT_FALSE(covers("cache/**", "**"));
  EXPECT_FALSE(covers("*", "**"));
  EXPECT_FALSE(covers("cache/**", "cache*"));
  EXPECT_FALSE(covers("*.key", "**/*.key"));
  EXPECT_FALSE(covers("[a-c]x", "[b-d]x"));
  EXPECT_FALSE(covers("conf/a", "conf/*"));
  EXPECT_FALSE(covers("**", "."));
  EXPECT_FALSE(covers("\xf4\x8f\xbf\xbf*", "?*")) << "not even the last Unicode character";
  EXPECT_FALSE(covers("{\xf4\x8f\xbf\xbf,x}", "?"));
}

TEST(Glob, ComparingHostilePatternsStopsQuickly) {
  const auto begin = std::chrono::steady_clock::now();
  covers("*a?a?a?a?a?a?a?a?a?a?a?a?a?a", "*a??????????????????????b*");
  covers("**/*a?????????????????????", "{**/*a??????????????????????,**/*b???????????????}");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

}  // namespace
}  // namespace guard
