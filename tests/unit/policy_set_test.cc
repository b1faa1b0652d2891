#include "policy/policy_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/unit/fakes.h"

namespace guard {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::policy_text;
using testing::World;

// A set with one policy per path, named p0, p1, …
std::shared_ptr<const PolicySet> with_trees(const std::vector<std::string>& paths) {
  std::string text;
  for (std::size_t i = 0; i < paths.size(); ++i)
    text += policy_text("force = true", "p" + std::to_string(i), paths[i]);
  return World().load_good(text).set;
}

std::string tree_of(const PolicySet& set, std::string_view path) {
  const auto* tree = set.tree_of(path);
  if (!tree) return "none";
  return tree->path.empty() ? "/" : tree->path;
}

TEST(TreeOf, IsTheTreeItselfAndAllBelow) {
  const auto set = with_trees({"/srv/a"});
  EXPECT_EQ(tree_of(*set, "/srv/a"), "/srv/a");
  EXPECT_EQ(tree_of(*set, "/srv/a/"), "/srv/a");
  EXPECT_EQ(tree_of(*set, "/srv/a/b"), "/srv/a");
  EXPECT_EQ(tree_of(*set, "/srv/a/b/c/d/e"), "/srv/a");
  EXPECT_EQ(tree_of(*set, "/srv"), "none");
  EXPECT_EQ(tree_of(*set, "/"), "none");
  EXPECT_EQ(tree_of(*set, ""), "none");
  EXPECT_EQ(tree_of(*set, "srv/a"), "none");
  EXPECT_EQ(tree_of(*set, "/x/srv/a"), "none");
}

TEST(TreeOf, ASiblingWithTheSamePrefixIsDifferent) {
  const auto set = with_trees({"/srv/a", "/srv/ab", "/srv/a-b"});
  EXPECT_EQ(tree_of(*set, "/srv/a/x"), "/srv/a");
  EXPECT_EQ(tree_of(*set, "/srv/ab/x"), "/srv/ab");
  EXPECT_EQ(tree_of(*set, "/srv/a-b"), "/srv/a-b");
  EXPECT_EQ(tree_of(*set, "/srv/abc"), "none");
  EXPECT_EQ(tree_of(*set, "/srv/A"), "none");
}

TEST(TreeOf, TheLongestWinsInAnyOrder) {
  for (const auto& paths : {std::vector<std::string>{"/srv/a", "/srv/a/b/c", "/srv/a/b"},
                            std::vector<std::string>{"/srv/a/b/c", "/srv/a/b", "/srv/a"}}) {
    const auto set = with_trees(paths);
    EXPECT_EQ(tree_of(*set, "/srv/a/x"), "/srv/a");
    EXPECT_EQ(tree_of(*set, "/srv/a/b"), "/srv/a/b");
    EXPECT_EQ(tree_of(*set, "/srv/a/bc"), "/srv/a");
    EXPECT_EQ(tree_of(*set, "/srv/a/b/x"), "/srv/a/b");
    EXPECT_EQ(tree_of(*set, "/srv/a/b/c/d"), "/srv/a/b/c");
  }
}

TEST(TreeOf, TheRootHoldsEverything) {
  const auto set = with_trees({"/", "/srv/a"});
  EXPECT_EQ(tree_of(*set, "/"), "/");
  EXPECT_EQ(tree_of(*set, "/etc"), "/");
  EXPECT_EQ(tree_of(*set, "/etc/x/y"), "/");
  EXPECT_EQ(tree_of(*set, "/srv"), "/");
  EXPECT_EQ(tree_of(*set, "/srv/a/x"), "/srv/a");
  EXPECT_EQ(PolicySet::relative(*set->tree_of("/etc/x"), "/etc/x"), "etc/x");
  EXPECT_EQ(PolicySet::relative(*set->tree_of("/"), "/"), "");
}

TEST(TreeOf, NamesCanBeAnyBytes) {
  const auto set = with_trees({"/srv/größe", "/srv/a b"});
  EXPECT_EQ(tree_of(*set, "/srv/größe/\xff\n"), "/srv/größe");
  EXPECT_EQ(tree_of(*set, std::string_view("/srv/a b/\0x", 11)), "/srv/a b");
}

std::string path_of(const std::vector<std::string>& names) {
  std::string path;
  for (const auto& name : names) path.append("/").append(name);
  return path;
}

// Compared with a simple search for the longest tree that is a prefix in whole names.
TEST(TreeOf, AgreesWithAScanOverAllTrees) {
  std::vector<std::string> trees;
  std::vector<std::string> asked;
  const std::vector<std::string> names = {"a", "b", "ab", "abc"};
  for (const auto& one : names)
    for (const auto& two : names)
      for (const auto& three : names) {
        const auto path = path_of({one, two, three});
        if (path.size() % 2 == 0) trees.push_back(path);
        if (one == two && three == "a") trees.push_back(path_of({one, two}));
        asked.push_back(path_of({one, two, three, "x"}));
      }
  const auto set = with_trees(trees);
  ASSERT_TRUE(set);
  for (const auto& path : asked) {
    std::string longest = "none";
    for (const auto& tree : trees)
      if (path.starts_with(tree + "/") && (longest == "none" || tree.size() > longest.size()))
        longest = tree;
    EXPECT_EQ(tree_of(*set, path), longest) << path;
  }
}

TEST(TreeOf, ListsAllTreesOfAPathOutermostFirst) {
  const auto set = with_trees({"/srv/a/b", "/", "/srv/a", "/srv/ab"});
  std::vector<std::string> paths;
  for (const auto* tree : set->trees_holding("/srv/a/b/c")) paths.push_back(tree->path);
  EXPECT_THAT(paths, ElementsAre("", "/srv/a", "/srv/a/b"));
  EXPECT_THAT(with_trees({"/srv/a"})->trees_holding("/srv/b"), IsEmpty());
}

TEST(PolicySet, ATreeLeadsToItsPolicy) {
  const auto set = with_trees({"/srv/a", "/srv/b"});
  EXPECT_EQ(set->policy_of(*set->tree_of("/srv/b/x")).name(), "p1");
  EXPECT_EQ(set->find_policy("p0"), &set->policies()[0]);
  EXPECT_EQ(set->find_policy("p2"), nullptr);
  EXPECT_EQ(PolicySet::relative(*set->tree_of("/srv/b/x/y"), "/srv/b/x/y"), "x/y");
  EXPECT_EQ(PolicySet::relative(*set->tree_of("/srv/b"), "/srv/b"), "");
}

TEST(PolicySet, CarriesItsGeneration) {
  World world;
  world.generation = 42;
  EXPECT_EQ(world.load_good(policy_text()).set->generation(), 42U);
}

TEST(PolicySet, APausedPolicyOnlyLogs) {
  const auto rules = "rule = [{match = [\"a\"], action = \"off\"}, {match = [\"b\"]}]\n";
  const auto set =
      World()
          .load_good(policy_text(std::string("action = \"deny\"\nfix_at = \"open\"\n") + rules) +
                     policy_text("action = \"fix\"", "other", "/srv/other") +
                     policy_text("action = \"off\"", "off", "/srv/off"))
          .set;
  ASSERT_TRUE(set);
  const auto paused = set->paused({{"shop", "because"}, {"off", "because"}, {"nobody", "because"}});
  EXPECT_EQ(paused.identity(), set->identity());
  EXPECT_EQ(paused.generation(), set->generation());
  EXPECT_EQ(paused.trees().size(), set->trees().size());
  const auto& shop = paused.policy_of(*paused.tree_of("/srv/shop/x"));
  EXPECT_TRUE(shop.is_paused());
  EXPECT_EQ(shop.excuse, "because");
  EXPECT_EQ(shop.action(), Action::kLog);
  EXPECT_EQ(shop.strongest_action(), Action::kLog);
  EXPECT_EQ(shop.said.fix_at.value, FixAt::kSettle);
  EXPECT_EQ(shop.rules[0].action, Action::kOff);
  EXPECT_EQ(shop.rules[1].action, Action::kLog);
  EXPECT_EQ(paused.find_policy("off")->action(), Action::kOff);
  EXPECT_FALSE(paused.find_policy("other")->is_paused());
  EXPECT_EQ(paused.find_policy("other")->action(), Action::kFix);
  EXPECT_EQ(set->find_policy("shop")->action(), Action::kDeny) << "the original set is unchanged";
}

// The identity: equal for equal effective policies, different otherwise.

std::string identity(const std::string& text) {
  const auto loaded = World().load_good(text);
  return loaded.set ? loaded.set->identity() : "";
}

TEST(Identity, IsASha256) {
  EXPECT_EQ(identity(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
      << "of empty input, as in sha256sum(1)";
  EXPECT_THAT(identity(policy_text()), ::testing::MatchesRegex("[0-9a-f]{64}"));
}

TEST(Identity, IgnoresCommentsAndOrder) {
  const auto as_written = identity(policy_text("action = \"fix\"\nsettle = \"1s\""));
  for (const std::string same : {
           "# a comment\n[[policy]]\n\n  owner = \"shop\" # another\n  settle='1s'\n"
           "  action = \"\"\"fix\"\"\"\n  paths = [ '/srv/shop', ]\n  name = \"shop\"\n",
           "[[policy]]\nname=\"shop\"\npaths=[\"/srv//shop/\"]\nowner=1001\naction=\"fix\"\n"
           "settle=\"1000ms\"\n",
           "policy = [{name=\"shop\",paths=[\"/srv/shop\"],owner=\"shop\",group=\"shop\","
           "action=\"fix\",settle=\"1s\",guard=[\"ownership\"],fix_at=\"settle\",exclude=[],"
           "severity=\"medium\",category=\"service\",tell=true,only=\"any\",strict=false}]",
       })
    EXPECT_EQ(identity(same), as_written) << same;
}

TEST(Identity, IgnoresTheOrderOfFilesPoliciesPathsAndGuards) {
  const auto a = policy_text("guard = [\"read\", \"content\"]", "a", "/srv/a");
  const auto b = policy_text("", "b", "/srv/b\", \"/srv/c");
  const auto b_turned = policy_text("", "b", "/srv/c\", \"/srv/b");
  const auto a_turned = policy_text("guard = [\"content\", \"read\"]", "a", "/srv/a");
  const World world;
  const auto first = world.load({{"1.toml", a}, {"2.toml", b}}).set;
  const auto second = world.load({{"other.toml", b_turned}, {"names.toml", a_turned}}).set;
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->identity(), second->identity());
}

TEST(Identity, IgnoresTheGeneration) {
  World world;
  const auto first = world.load_good(policy_text()).set;
  world.generation = 2;
  EXPECT_EQ(first->identity(), world.load_good(policy_text()).set->identity());
}

TEST(Identity, DependsOnTheNumberOfAName) {
  World world;
  world.users.add("web", Uid{33}, Gid{33});
  World other;
  other.users.add("web", Uid{80}, Gid{33});
  const std::string text = "[[policy]]\nname=\"a\"\npaths=[\"/srv/a\"]\nowner=\"web\"";
  EXPECT_NE(world.load_good(text).set->identity(), other.load_good(text).set->identity());
}

// Every value of every setting has a different identity.
TEST(Identity, ChangesWithEverySetting) {
  std::vector<std::string> texts = {
      "",
      policy_text(),
      policy_text("", "other"),
      policy_text("", "shop", "/srv/other"),
      policy_text("", "shop", "/srv/shop\", \"/srv/other"),
      policy_text() + policy_text("", "other", "/srv/other"),
      "[[policy]]\nname=\"shop\"\npaths=[\"/srv/shop\"]\nowner=\"alice\"\ngroup=\"shop\"",
  };
  const std::string allow = "allow = [{";
  const std::string rule = "rule = [{match = [\"x\"]";
  for (const auto& more : std::vector<std::string>{
           "group = \"ops\"", "action = \"off\"", "action = \"fix\"", "action = \"deny\"",
           "guard = [\"content\"]", "guard = [\"delete\"]", "guard = [\"attributes\"]",
           "guard = [\"read\"]", "guard = [\"ownership\", \"read\"]", "file_mode = \"0640\"",
           "file_mode = \"0600\"", "dir_mode = \"0640\"", "settle = \"251ms\"", "fix_at = \"open\"",
           "exclude = [\"a\"]", "exclude = [\"b\"]", "exclude = [\"a\", \"b\"]",
           "severity = \"info\"", "severity = \"low\"", "severity = \"high\"",
           "severity = \"critical\"", "category = \"a\"", "category = \"\"", "tell = false",
           "only = \"interactive\"", "strict = true",
           // rules
           rule + "}]", rule + ", owner = \"root\"}]", rule + ", group = \"ops\"}]",
           rule + ", file_mode = \"0640\"}]", rule + ", dir_mode = \"0640\"}]",
           rule + ", action = \"off\"}]", rule + ", action = \"fix\"}]",
           rule + ", action = \"deny\"}]", "rule = [{match = [\"x\", \"y\"]}]",
           "rule = [{match = [\"x\"]}, {match = [\"y\"]}]",
           "rule = [{match = [\"y\"]}, {match = [\"x\"]}]",
           // allows
           allow + "}]", allow + "exe = \"/a\"}]", allow + "exe = \"/b\"}]",
           allow + "unit = \"a.service\"}]", allow + "unit = \"b.service\"}]",
           allow + "user = \"shop\"}]", allow + "user = \"alice\"}]", allow + "group = \"shop\"}]",
           allow + "group = \"ops\"}]", allow + "login = \"shop\"}]", allow + "login = \"alice\"}]",
           allow + "label = \"backup\"}]", allow + "label = \"package-manager\"}]",
           allow + "label = \"config-management\"}]", allow + "children = false}]",
           allow + "effect = \"ignore\"}]", allow + "user = 1, group = 1}]",
           allow + "user = 1}, {group = 1}]", allow + "}, {}]"})
    texts.push_back(policy_text(more));

  std::map<std::string, std::string> seen;
  for (const auto& text : texts) {
    const auto [first, is_new] = seen.emplace(identity(text), text);
    EXPECT_TRUE(is_new) << text << "\nlooks like\n" << first->second;
  }
}

TEST(Identity, NoValueCanImitateAnotherSetting) {
  EXPECT_NE(identity(policy_text("category = \"a\\ntell 2:no\"")),
            identity(policy_text("category = \"a\"\ntell = false")));
  EXPECT_NE(identity(policy_text("exclude = [\"a\\nexclude 1:b\"]")),
            identity(policy_text("exclude = [\"a\", \"b\"]")));
}

}  // namespace
}  // namespace guard
