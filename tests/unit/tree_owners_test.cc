// From the owners in a tree to a policy: the majority, rules for intended exceptions, and strays.
// For any tree, the policy is valid and matches the present owners, except of the strays and the
// entries without a rule.

#include "guardd/ctl/suggest/tree_owners.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "guardd/ctl/suggest/pattern.h"
#include "guardd/ctl/suggest/proposal.h"
#include "tests/unit/fakes.h"

namespace guard::suggest {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Owner kShop{Uid{1001}, Gid{1001}};
constexpr Owner kAlice{Uid{1000}, Gid{1000}};
constexpr Owner kRoots{Uid{0}, Gid{0}};
constexpr Owner kRootShop{Uid{0}, Gid{1001}};

// Builds a tree line by line: a directory comes before its contents.
class TreeBuilder {
 public:
  explicit TreeBuilder(Owner root = kShop, std::uint32_t mode = 0755) {
    tree_.entries.push_back({0, "", root, 0040000U | mode});
  }
  TreeBuilder& file(const std::string& path, Owner owner = kShop, std::uint32_t mode = 0644) {
    return put(path, owner, 0100000U | mode);
  }
  TreeBuilder& directory(const std::string& path, Owner owner = kShop, std::uint32_t mode = 0755) {
    return put(path, owner, 0040000U | mode);
  }
  const WalkedTree& tree() const { return tree_; }
  TreeOwners owners(const Expectation& expected = {}) const { return owners_of(tree_, expected); }

 private:
  TreeBuilder& put(const std::string& path, Owner owner, std::uint32_t mode) {
    const auto slash = path.rfind('/');
    std::size_t parent = 0;
    if (slash != std::string::npos) {
      while (parent < tree_.entries.size() && tree_.path_of(parent) != path.substr(0, slash))
        ++parent;
    }
    tree_.entries.push_back({parent, path.substr(slash + 1), owner, mode});
    return *this;
  }
  WalkedTree tree_;
};

TEST(SuggestOwners, DirectoriesOfAServiceInATreeOfRoot) {
  // The queue of Postfix: root's, with a copy of some system files, and a drop box for all users.
  const auto own = own_directories(TreeBuilder(kRoots)
                                       .directory("active")
                                       .file("active/A1")
                                       .directory("etc", kRoots)
                                       .file("etc/hosts", kRoots)
                                       .directory("maildrop", {kShop.uid, Gid{77}}, 01730)
                                       .directory("open", kShop, 0777)
                                       .directory("mixed")
                                       .directory("mixed/inner")
                                       .file("mixed/inner/pid", kRoots)
                                       .directory("defer", kShop, 0770)
                                       .directory("public", {kShop.uid, Gid{77}}, 02710)
                                       .file("prng_exch")
                                       .tree(),
                                   kShop.uid, kShop.gid);
  EXPECT_THAT(own, ElementsAre("active", "defer", "public"));
  EXPECT_THAT(own_directories(TreeBuilder(kRoots).tree(), kShop.uid, kShop.gid), IsEmpty());
}

TEST(SuggestPatterns, MatchOneNameOnly) {
  for (const std::string name :
       {"a",         "*", "**", "a/**/b", "[x]", "{a,b}",   "\\", "a\\b", "!",        "ä",
        "new\nline", "'", "\"", " ",      "a,b", ".hidden", "-",  "#",    "\x1b[31m", "?"}) {
    const auto pattern = exact_pattern(name);
    ASSERT_TRUE(pattern) << name;
    const auto glob = Glob::compile(*pattern);
    ASSERT_TRUE(glob) << name;
    EXPECT_TRUE(glob->matches(name)) << name;
    for (const auto* other : {"x", "a/x", "aa", "x/b", "a b"})
      EXPECT_EQ(glob->matches(other), name == other) << name << " and " << other;
    EXPECT_TRUE(testing::is_harmless(toml_string(*pattern))) << name;
  }
  EXPECT_EQ(exact_pattern(""), ".");
  EXPECT_EQ(exact_pattern("a[", true), "a\\[/**");
  EXPECT_EQ(exact_pattern("bad\xff"), std::nullopt);
  EXPECT_EQ(exact_pattern(std::string(600, 'x')), std::nullopt);
}

TEST(SuggestOwners, AFileOfThePackageIsIntended) {
  Expectation expected;
  expected.owner = kShop.uid;
  expected.group = kShop.gid;
  expected.is_given = true;
  expected.made_as_root = [](const std::string& path,
                             const Entry& entry) -> std::optional<std::string> {
    if (path != entry.name) return std::nullopt;
    if (entry.name.starts_with("debian-")) return "debian-*.flag";
    if (entry.name == "ROOT") return "ROOT";
    if (entry.name == "out.log") return "out.log*";
    return std::nullopt;
  };
  const auto owners = TreeBuilder()
                          .file("a")
                          .file("debian-10.6.flag", kRoots)
                          .file("debian-10.11.flag", kRoots)
                          .file("stray", kRoots)
                          .directory("inside")
                          .file("inside/debian-10.6.flag", kRoots)
                          .file("out.log", kRoots)
                          .directory("ROOT", kRoots)
                          .file("ROOT/a", kRoots)
                          .file("ROOT/b", kRoots)
                          .file("ROOT/mine")
                          .owners(expected);
  ASSERT_EQ(owners.rules.size(), 1U);
  EXPECT_THAT(owners.rules[0].match,
              ElementsAre("debian-*.flag", "out.log*", "ROOT", "ROOT/a", "ROOT/b"));
  EXPECT_EQ(owners.rules[0].entries, 6U);
  EXPECT_TRUE(owners.rules[0].is_made_as_root);
  ASSERT_EQ(owners.strays.size(), 1U);
  EXPECT_THAT(owners.strays[0].match, ElementsAre("stray", "inside/debian-10.6.flag"));
}

TEST(SuggestOwners, ARootThatDpkgUnpacksMayBeRootsForAWhile) {
  Expectation expected;
  expected.owner = kShop.uid;
  expected.group = kShop.gid;
  expected.is_unpacked = true;
  const auto handed_over = TreeBuilder(kShop).file("a").owners(expected);
  ASSERT_EQ(handed_over.rules.size(), 1U);
  EXPECT_THAT(handed_over.rules[0].match, ElementsAre("."));
  EXPECT_TRUE(handed_over.rules[0].is_made_as_root);
  EXPECT_EQ(handed_over.of_most, 1U);
  // It stays root's.
  const auto kept = TreeBuilder(kRoots).file("a").owners(expected);
  ASSERT_EQ(kept.rules.size(), 1U);
  EXPECT_FALSE(kept.rules[0].is_made_as_root);
}

TEST(SuggestOwners, TheMajorityOwns) {
  const auto found =
      TreeBuilder(kRoots).file("a").file("b", {kShop.uid, Gid{4}}).file("c").owners();
  EXPECT_EQ(found.most, kShop);
  EXPECT_EQ(found.of_most, 2U);
  EXPECT_EQ(found.entries, 3U);
  ASSERT_EQ(found.rules.size(), 2U);
  EXPECT_THAT(found.rules[0].match, ElementsAre("."));
  EXPECT_THAT(found.rules[1].match, ElementsAre("b"));
  EXPECT_EQ(TreeBuilder(kAlice).owners().most, kAlice);  // empty
  EXPECT_EQ(TreeBuilder(kAlice).file("a", kRoots).file("b").owners().most,
            kShop);  // a tie: not root
}

TEST(SuggestOwners, OtherOwnersGetFewRules) {
  TreeBuilder tree;
  for (const auto* name : {"1", "2", "3", "4", "5", "6", "7", "8", "9"}) tree.file(name);
  tree.directory("home", kShop).file("home/x", kAlice).directory("home/y", kAlice);
  tree.file("home/y/z", kAlice);
  tree.file("a.key", kRootShop).file("b.key", kRootShop).directory("d").file("d/c.key", kRootShop);
  tree.file("one", kRootShop).file("d/e");
  const auto found = tree.owners();
  EXPECT_EQ(found.most, kShop);
  std::vector<std::vector<std::string>> matches;
  for (const auto& rule : found.rules) matches.push_back(rule.match);
  EXPECT_THAT(matches,
              ElementsAre(ElementsAre("one"), ElementsAre("home/**"), ElementsAre("**/*.key")));
  EXPECT_THAT(found.strays, IsEmpty());
  EXPECT_EQ(found.rules[1].entries, 3U);
}

TEST(SuggestOwners, StraysOfRootGetNoRules) {
  TreeBuilder tree;
  for (const auto* name : {"1", "2", "3", "4", "5", "6", "7"}) tree.file(name);
  tree.file("stray", kRoots);
  tree.directory("empty", kRoots).directory("own", kRoots).file("own/x", kRoots);
  tree.directory("open", kRoots, 0777).file("open/x", kRoots);
  const auto found = tree.owners();
  ASSERT_EQ(found.rules.size(), 1U);
  EXPECT_THAT(found.rules[0].match, ElementsAre("own", "own/x"));
  ASSERT_EQ(found.strays.size(), 1U);
  EXPECT_THAT(found.strays[0].match, ElementsAre("stray", "empty", "open", "open/x"));

  tree.directory(".git");
  const auto deployed = tree.owners();
  EXPECT_TRUE(deployed.is_deployed_by_git);
  EXPECT_THAT(deployed.rules, IsEmpty());
  EXPECT_EQ(deployed.strays[0].entries, 6U);
  Expectation doubtful;
  doubtful.trusts_present = false;
  EXPECT_THAT(tree.owners(doubtful).rules, IsEmpty());
}

TEST(SuggestOwners, RulesAreLimited) {
  TreeBuilder tree;
  for (int i = 0; i < 400; ++i) tree.file("own" + std::to_string(i));
  for (int i = 0; i < 70; ++i) {
    const auto name = "d" + std::to_string(i);
    tree.directory(name).file(name + "/1", kAlice).file(name + "/2", kAlice);
  }
  const auto found = tree.owners();
  ASSERT_EQ(found.rules.size(), 1U);
  EXPECT_EQ(found.rules[0].match.size(), 50U + 20U);
  ASSERT_EQ(found.unsaid.size(), 1U);
  EXPECT_EQ(found.rules[0].entries + found.unsaid[0].entries, 140U);
  EXPECT_EQ(found.unsaid[0].entries, 20U);
}

// In a set-gid directory, even accidental files have the group of the service.
TEST(SuggestOwners, AnInheritedGroupIsNotIntended) {
  TreeBuilder tree;
  tree.file("a").file("b").directory("s", kShop, 02755).file("s/x", kRootShop).file("s/y");
  EXPECT_THAT(tree.owners().rules, IsEmpty());
  EXPECT_EQ(tree.owners().strays.size(), 1U);
}

TEST(SuggestOwners, AServiceOwnsItsTree) {
  TreeBuilder tree(kRoots);
  tree.file("a", kRoots).file("b", kRoots);
  const auto found = tree.owners({Uid{1001}, Gid{7}, false, false});
  EXPECT_EQ(found.most, (Owner{Uid{1001}, Gid{7}}));
  EXPECT_THAT(found.rules, IsEmpty());
  EXPECT_EQ(found.strays[0].entries, 3U);
}

TEST(SuggestOwners, ATreeThatSystemdGivesHasNoOtherOwner) {
  TreeBuilder tree(kAlice);
  tree.file("a").file("b");
  EXPECT_EQ(tree.owners().rules.size(), 1U);
  EXPECT_THAT(tree.owners({kShop.uid, kShop.gid, true, true}).rules, IsEmpty());
  EXPECT_EQ(tree.owners({kShop.uid, kShop.gid, true, true}).strays[0].example, "");
}

// nginx creates directories of www-data:root, and files of www-data:www-data in them.
TEST(SuggestOwners, NewFilesOfAServiceHaveItsGroup) {
  const Owner odd{kShop.uid, Gid{0}};
  TreeBuilder tree(kRoots);
  tree.directory("a", odd).directory("b", odd);
  const auto found = tree.owners({kShop.uid, kShop.gid, true, false});
  EXPECT_EQ(found.most, kShop);
  ASSERT_EQ(found.rules.size(), 2U);
  EXPECT_THAT(found.rules[1].match, ElementsAre("a", "b"));
  EXPECT_EQ(
      TreeBuilder({kShop.uid, Gid{4}}, 02750).owners({kShop.uid, kShop.gid, true, false}).most,
      (Owner{kShop.uid, Gid{4}}));
  EXPECT_EQ(
      tree.file("a/x", {kShop.uid, Gid{9}}).owners({kShop.uid, kShop.gid, true, false}).most.gid,
      Gid{9});
}

TEST(SuggestOwners, ModesAreMentionedIfNearlyAllAgree) {
  TreeBuilder tree;
  tree.file("a", kShop, 0640).file("b", kShop, 0640).file("c", kShop, 0640).file("x", kRoots, 0777);
  EXPECT_EQ(tree.owners().file_mode, Mode{0640});
  EXPECT_EQ(tree.owners().dir_mode, std::nullopt);  // too few
  tree.file("d", kShop, 0600);
  EXPECT_EQ(tree.owners().file_mode, std::nullopt);
}

TEST(SuggestNames, AreValid) {
  EXPECT_EQ(policy_name("postgresql@15-main"), "postgresql-15-main");
  EXPECT_EQ(policy_name("Shop 2"), "shop-2");
  EXPECT_EQ(policy_name("..-x"), "x");
  EXPECT_EQ(policy_name("srv-my\\x2dapp"), "srv-my-x2dapp");
  EXPECT_EQ(policy_name("\xff@/"), "suggested");
  EXPECT_EQ(policy_name(""), "suggested");
  EXPECT_LE(policy_name(std::string(300, 'a')).size(), 64U);
}

Proposal proposal_of(const TreeOwners& owners, bool keeps_strays) {
  const auto number = [](auto id) { return std::to_string(id.value); };
  Proposal proposal;
  proposal.name = "shop";
  proposal.paths = {"/srv/shop"};
  proposal.owner = number(owners.most.uid);
  proposal.group = number(owners.most.gid);
  const auto add = [&](const std::vector<OwnerRule>& from, std::vector<ProposedRule>& to) {
    for (const auto& rule : from)
      to.push_back(
          {rule.match, number(rule.owner.uid), number(rule.owner.gid), rule.entries, rule.example});
  };
  add(owners.rules, proposal.rules);
  add(owners.strays, keeps_strays ? proposal.rules : proposal.strays);
  add(owners.unsaid, proposal.unsaid);
  return proposal;
}

std::size_t count(const std::vector<OwnerRule>& rules) {
  std::size_t all = 0;
  for (const auto& rule : rules) all += rule.entries;
  return all;
}

// The number of entries whose owner the policy would change.
std::size_t differing(const WalkedTree& tree, const Policy& policy) {
  std::size_t differing = 0;
  for (std::size_t at = 0; at < tree.entries.size(); ++at) {
    const auto path = tree.path_of(at);
    const auto* wanted = &policy.wanted;
    for (const auto& rule : policy.rules) {
      if (!rule.matches(path)) continue;
      wanted = &rule.wanted;
      break;
    }
    if (Owner{wanted->owner.id, wanted->group.id} != tree.entries[at].owner) ++differing;
  }
  return differing;
}

WalkedTree random_tree(std::mt19937& random) {
  const std::vector<std::string> names{
      "a",     "b.key",     "c.key", "*",  "**",     "[x]",          "{a,b}",
      "\\",    "new\nline", "\xff",  "\"", "'''",    "ä.key",        ".git",
      "x.log", "y.log",     "#",     "\t", "\x1b[m", "\xe2\x80\xae", std::string(255, 'n'),
      "a\\b"};
  const std::vector<Owner> owners{kShop, kShop, kShop, kAlice, kRoots, kRoots, kRootShop};
  const auto pick = [&](std::size_t most) { return random() % most; };
  WalkedTree tree;
  tree.entries.push_back({0, "", owners[pick(owners.size())], 0040755});
  const auto size = 2 + pick(120);
  // As in practice, most directories have contents of one owner.
  for (std::size_t at = 1; at < size; ++at) {
    auto parent = pick(tree.entries.size());
    while (!tree.entries[parent].is_directory()) parent = tree.entries[parent].parent;
    const auto& above = tree.entries[parent];
    Entry entry;
    entry.parent = parent;
    entry.name = names[pick(names.size())] + (pick(3) == 0 ? "" : std::to_string(at));
    entry.owner = pick(3) != 0 && parent != 0 ? above.owner : owners[pick(owners.size())];
    entry.mode = pick(3) == 0 ? 0040755U | (pick(4) == 0 ? 02020U : 0U) : 0100644U;
    bool is_taken = false;
    for (const auto& other : tree.entries)
      is_taken = is_taken || (other.parent == parent && other.name == entry.name);
    if (!is_taken) tree.entries.push_back(std::move(entry));
  }
  return tree;
}

TEST(SuggestOwners, APolicyMatchesItsTreeExceptForStrays) {
  std::mt19937 random(20261121);  // NOLINT(cert-msc51-cpp): the same trees each time
  std::size_t rules = 0;
  std::size_t strays = 0;
  for (int round = 0; round < 150; ++round) {
    const auto tree = random_tree(random);
    Expectation expected;
    if (round % 3 == 0) expected.owner = kShop.uid;
    if (round % 3 == 0) expected.group = kShop.gid;
    expected.trusts_present = round % 5 != 0;
    expected.is_given = round % 6 == 0;
    const auto owners = owners_of(tree, expected);
    for (const bool keeps_strays : {false, true}) {
      const auto text = policy_text(proposal_of(owners, keeps_strays));
      const auto loaded = testing::World().load_good(text);
      ASSERT_TRUE(loaded.set) << text;
      const auto mentioned = count(owners.unsaid) + (keeps_strays ? 0 : count(owners.strays));
      ASSERT_EQ(differing(tree, loaded.policy()), mentioned) << text;
    }
    rules += owners.rules.size();
    strays += owners.strays.size();
  }
  EXPECT_GT(rules, 50U);
  EXPECT_GT(strays, 50U);
}

// No value ends a comment early or sends control characters to the terminal.
TEST(SuggestProposals, CommentsStayComments) {
  Proposal proposal;
  proposal.name = "shop";
  proposal.paths = {"/srv/sh\"op\n\\"};
  proposal.owner = "shop";
  proposal.group = "sh\"op";
  proposal.why = {"runs as x\naction = \"deny\"", "\x1b[31m red"};
  proposal.strays = {{{"a\nb"}, "sh\"op", "0", 2, "a\nowner = \"root\""}};
  proposal.unsaid = {{{}, "a\nb", "c", 1, "\xff\n"}};
  Suggestion suggestion;
  suggestion.proposals = {proposal};
  suggestion.left_out = {{"/x\n[[policy]]", "because\nnot"}};
  const auto text = file_text(suggestion);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  Diagnostics diagnostics;
  const auto drafts = read_policies(text, diagnostics.add_file("x"), diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << text;
  ASSERT_EQ(drafts.size(), 1U);
  EXPECT_EQ(drafts[0].paths[0].value, proposal.paths[0]);
  EXPECT_EQ(std::get<std::string>(drafts[0].group->value), proposal.group);
  EXPECT_EQ(drafts[0].action.value, Action::kLog);
  EXPECT_THAT(drafts[0].rules, IsEmpty());
}

}  // namespace
}  // namespace guard::suggest
