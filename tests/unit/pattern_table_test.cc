#include "guardd/kernel/pattern_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "policy/base/text.h"

namespace guard {
namespace {

constexpr auto kPolicy = Automaton::kPolicy;
constexpr auto kExcluded = Automaton::kExcluded;
constexpr auto kFirstRule = Automaton::kFirstRule;

using Patterns = std::vector<std::string>;

std::vector<Pattern> compiled(const Patterns& patterns) {
  std::vector<Pattern> all;
  for (const auto& pattern : patterns) {
    auto glob = Glob::compile(pattern);
    EXPECT_TRUE(glob) << pattern << ": " << glob.error().text();
    if (glob) all.push_back({*glob, {}});
  }
  return all;
}

Policy policy_of(const Patterns& exclude, const std::vector<Patterns>& rules) {
  Policy policy;
  policy.exclude = compiled(exclude);
  for (const auto& match : rules) policy.rules.emplace_back().match = compiled(match);
  return policy;
}

// The slow way, as in at_path() in judge.cc.
std::uint16_t expected(const Policy& policy, const Patterns& nested, std::string_view path) {
  for (const auto& tree : nested) {
    const bool below = path.size() > tree.size() + 1 && path.starts_with(tree + '/');
    if (tree.empty() || path == tree || below) return kExcluded;
  }
  for (const auto& pattern : policy.exclude)
    if (pattern.glob.matches(path)) return kExcluded;
  for (std::size_t i = 0; i < policy.rules.size(); ++i)
    if (policy.rules[i].matches(path)) return static_cast<std::uint16_t>(kFirstRule + i);
  return kPolicy;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

struct Case {
  std::string_view pattern;
  std::vector<std::string_view> yes;
  std::vector<std::string_view> no;
  bool ascii_only = false;
};

class AutomatonMatches : public testing::TestWithParam<Case> {};

TEST_P(AutomatonMatches, LikeThePattern) {
  const auto automaton = automaton_of(policy_of({}, {{std::string(GetParam().pattern)}}), {});
  ASSERT_TRUE(automaton);
  EXPECT_EQ(automaton->ascii_only, GetParam().ascii_only) << GetParam().pattern;
  for (const auto path : GetParam().yes) EXPECT_EQ(automaton->label_of(path), kFirstRule) << path;
  for (const auto path : GetParam().no) EXPECT_EQ(automaton->label_of(path), kPolicy) << path;
}

INSTANTIATE_TEST_SUITE_P(
    Patterns, AutomatonMatches,
    testing::Values(
        Case{"conf/keystore", {"conf/keystore"}, {"conf", "conf/keystore/x", "keystore", ""}},
        Case{
            "cache/**", {"cache/a", "cache/a/b/c", "cache/.x"}, {"cache", "cached/a", "x/cache/a"}},
        Case{"**", {"a", "a/b", "\xff"}, {""}}, Case{"*", {"a", ".b", "é"}, {"a/b", ""}},
        Case{".", {""}, {"a", "."}},
        Case{"**/*.key", {"a.key", "d/a.key", "d/e/f.key", "d/.key"}, {"a.key/b", "d/a.kez", ""}},
        Case{"**/a*c", {"ac", "x/abc", "x/aéc"}, {"a/c", "abc/d"}},
        Case{"a/**/b", {"a/b", "a/x/b", "a/x/y/b"}, {"ab", "a/xb", "a/b/c"}},
        Case{"*.{key,pem}", {"a.key", "a.pem"}, {"a.crt", "a.{key,pem}"}},
        Case{"{a,{b,c}d}", {"a", "bd", "cd"}, {"d", "ad"}}, Case{"{,x}", {"x"}, {"", "xx"}},
        Case{"{logs,tmp/**}", {"logs", "tmp/a", "tmp/a/b"}, {"tmp", "logs/a"}},
        Case{"log?", {"log1"}, {"log", "log/", "log12"}, true},
        Case{"{?,y}x", {"ax", "yx"}, {"x", "/x"}, true},
        Case{"[a-c]x", {"ax", "cx"}, {"dx", "x", "abx", "éx"}},
        Case{"[!a-c]x", {"dx"}, {"ax", "/x", "x"}, true}, Case{"[b-é]", {"c"}, {"a"}, true},
        Case{"\\*\\{", {"*{"}, {"a{", "\\*\\{"}}, Case{"caf*é*", {"café", "caf€éx"}, {"cafe"}},
        Case{"日本/**", {"日本/語"}, {"日本", "日/本"}}, Case{"\xff/a", {"\xff/a"}, {"a"}},
        Case{"𝄞*", {"𝄞", "𝄞\x9e"}, {"\xf0\x9d\x84"}}, Case{"a*\xa9", {}, {"a", "ab"}, true}));

TEST(Automaton, TakesTheFirstRuleAndExcludesBeforeAnyRule) {
  const auto policy = policy_of({"conf/tmp/**", "."}, {{"conf/keystore", "x"}, {"conf/**", "."}});
  const auto automaton = automaton_of(policy, {});
  ASSERT_TRUE(automaton);
  EXPECT_EQ(automaton->label_of("conf/keystore"), kFirstRule);
  EXPECT_EQ(automaton->label_of("x"), kFirstRule);
  EXPECT_EQ(automaton->label_of("conf/other"), kFirstRule + 1);
  EXPECT_EQ(automaton->label_of("conf/tmp/keystore"), kExcluded);
  EXPECT_EQ(automaton->label_of("conf/tmp"), kFirstRule + 1);
  EXPECT_EQ(automaton->label_of(""), kExcluded);
  EXPECT_EQ(automaton->label_of("elsewhere"), kPolicy);
}

TEST(Automaton, ExcludesNestedTrees) {
  const auto automaton = automaton_of(policy_of({}, {{"**"}}), {"a/b", "srv/ü"});
  ASSERT_TRUE(automaton);
  EXPECT_FALSE(automaton->ascii_only);
  EXPECT_EQ(automaton->label_of("a/b"), kExcluded);
  EXPECT_EQ(automaton->label_of("a/b/c/d"), kExcluded);
  EXPECT_EQ(automaton->label_of("srv/ü/x"), kExcluded);
  EXPECT_EQ(automaton->label_of("a/bc"), kFirstRule);
  EXPECT_EQ(automaton->label_of("x/a/b"), kFirstRule);
  EXPECT_EQ(automaton->label_of("a"), kFirstRule);
  EXPECT_EQ(automaton->label_of(""), kPolicy);
}

TEST(Automaton, StaysSmallForOrdinaryPolicies) {
  EXPECT_EQ(automaton_of(Policy(), {})->states.size(), 1U);
  EXPECT_EQ(automaton_of(policy_of({"**", "."}, {{"a/*/b"}, {"**/*.key"}}), {})->states.size(), 1U);
  const auto policy =
      policy_of({"cache/**", "tmp/**"}, {{"conf/keystore"}, {"**/*.key"}, {"**/*.{pem,crt}"}});
  const auto automaton = automaton_of(policy, {});
  ASSERT_TRUE(automaton);
  EXPECT_EQ(automaton->states.size(), 49U) << "the minimum";
}

TEST(Automaton, HoldsManyNestedTrees) {
  Patterns nested;
  for (int i = 0; i < 50; ++i) nested.push_back("instances/shop" + std::to_string(i));
  const auto automaton = automaton_of(policy_of({"cache/**"}, {{"**/*.key"}}), nested);
  ASSERT_TRUE(automaton);
  EXPECT_EQ(automaton->label_of("instances/shop42/x.key"), kExcluded);
  EXPECT_EQ(automaton->label_of("instances/shop100/x.key"), kFirstRule);
}

TEST(Automaton, GivesUpQuicklyOnHostilePatterns) {
  const auto begin = std::chrono::steady_clock::now();
  const std::string any(40, '?');
  EXPECT_TRUE(automaton_of(policy_of({"*a" + any}, {}), {})) << "backwards, it is deterministic";
  EXPECT_FALSE(automaton_of(policy_of({any + "a*"}, {}), {}));
  EXPECT_FALSE(automaton_of(policy_of({}, {{"**/" + any + "a*b*"}, {any + "b*"}}), {}));
  std::string deep;
  for (int i = 0; i < 28; ++i) deep += "*{a,b}{c,?}";
  EXPECT_FALSE(automaton_of(policy_of(Patterns(200, deep + "x*"), {}), {}));
  EXPECT_FALSE(automaton_of(policy_of({std::string(400, 'a')}, {}), {}, 401));
  EXPECT_TRUE(automaton_of(policy_of({std::string(400, 'a')}, {}), {}, 402));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

// From few characters, so that patterns and paths often match.
class Maker {
 public:
  std::string pattern(unsigned deep = 0) {
    std::string text;
    for (auto left = below(deep == 0 ? 6 : 2) + 1; left > 0; --left) {
      text +=
          pick({"a",      "b",     "a/",       "b/",   "é",    "日",       "*",   "*",   "*/",
                "**/",    "**/*",  "?",        "[ab]", "[!a]", "[a-é]",    "\\*", "\\é", "{a,b}",
                "{a,*é}", "{,a/}", "{**/a,b}", "\xc3", "\xa9", "\xe6\x97", "/"});
      if (deep < 2 && below(8) == 0) {
        const auto either = pattern(deep + 1);
        text += "{" + either + "," + pattern(deep + 1) + "}";
      }
    }
    return below(4) == 0 ? text + "/**" : text;
  }
  std::string path() {
    std::string text;
    const bool ascii = below(2) == 0;
    for (auto left = below(7); left > 0; --left)
      text += ascii ? pick({"a", "b", "a", "/", "a/", "b/", "*", "c"})
                    : pick({"a", "b", "/", "a/", "é", "日", "*", "\xc3", "\xa9", "\xe6\x97", "é/",
                            "\xa5", "ü"});
    return text;
  }
  Patterns patterns(std::size_t most) {
    Patterns all;
    for (auto left = below(most + 1); left > 0;) {
      const auto text = pattern();
      if (below(6) != 0 && !is_ascii(text) && !is_utf8(text))
        continue;  // otherwise hardly any path counts
      if (below(4) != 0 && text.find_first_of("?[") != std::string::npos) continue;
      if (!Glob::compile(text)) continue;
      all.push_back(text);
      --left;
    }
    return all;
  }
  std::size_t below(std::size_t end) { return random_() % end; }

 private:
  std::string pick(std::initializer_list<std::string_view> from) {
    return std::string(from.begin()[below(from.size())]);
  }
  std::mt19937 random_{20240607};
};

TEST(Automaton, AgreesWithTheJudgeOnRandomPaths) {
  Maker maker;
  std::size_t known[kFirstRule + 3] = {};
  std::size_t known_beyond_ascii = 0;
  for (int round = 0; round < 500; ++round) {
    const auto exclude = maker.patterns(2);
    std::vector<Patterns> rules;
    for (auto left = maker.below(4); left > 0; --left) rules.push_back(maker.patterns(2));
    Patterns nested;
    if (maker.below(4) == 0) nested.push_back(maker.path());
    const auto policy = policy_of(exclude, rules);
    const auto automaton = automaton_of(policy, nested);
    ASSERT_TRUE(automaton) << testing::PrintToString(exclude) << testing::PrintToString(rules);
    for (int i = 0; i < 60; ++i) {
      const auto path = maker.path();
      const bool ascii = is_ascii(path);
      if (automaton->ascii_only && !ascii) continue;
      const auto label = expected(policy, nested, path);
      ++known[label];
      if (!ascii && label != kPolicy) ++known_beyond_ascii;
      ASSERT_EQ(automaton->label_of(path), label)
          << quote(path) << " excludes " << testing::PrintToString(exclude) << " rules "
          << testing::PrintToString(rules) << " nested " << testing::PrintToString(nested);
    }
  }
  for (const auto times : known) EXPECT_GT(times, 300U);
  EXPECT_GT(known_beyond_ascii, 1000U);
}

}  // namespace
}  // namespace guard
