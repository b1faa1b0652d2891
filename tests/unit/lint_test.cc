#include "policy/load/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/unit/fakes.h"

namespace guard {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kAlice;
using testing::kAliceGroup;
using testing::kOps;
using testing::kShop;
using testing::kShopGroup;
using testing::policy_text;
using testing::World;

class Lint : public ::testing::Test {
 protected:
  std::vector<std::string> messages(const std::string& text) const {
    return world_.load(text).messages;
  }
  // The warnings about a policy with these lines, which begin on line 5.
  std::vector<std::string> about(std::string_view more) const {
    return messages(policy_text(more));
  }
  // The only message about the plain policy; "" for none.
  std::string about_tree(std::string_view more = "action = \"fix\"") const {
    const auto found = about(more);
    EXPECT_LE(found.size(), 1U);
    return found.empty() ? "" : found[0];
  }

  World world_;
};

// Settings that have no effect or an unintended one.

struct Setting {
  std::string_view fires;
  std::string_view message;
  std::string_view silent;  // the most similar policy without the warning
};

TEST_F(Lint, ReportsSettingsWithoutEffect) {
  const std::vector<Setting> cases = {
      {"only = \"interactive\"",
       "p.toml:5:8: warning: only has no effect: it applies only to action = \"deny\"",
       "only = \"interactive\"\naction = \"deny\""},
      {"only = \"interactive\"\naction = \"fix\"",
       "p.toml:5:8: warning: only has no effect: it applies only to action = \"deny\"",
       "only = \"interactive\"\nrule = [{match = [\"x\"], action = \"deny\"}]"},
      {"strict = true",
       "p.toml:5:10: warning: strict has no effect: it applies only to action = \"deny\"",
       "strict = true\naction = \"deny\""},
      {"fix_at = \"open\"",
       "p.toml:5:10: warning: fix_at has no effect: action = \"log\" does not fix anything",
       "fix_at = \"open\"\naction = \"fix\""},
      {"fix_at = \"open\"\nrule = [{match = [\"x\"], owner = \"root\"}]",
       "p.toml:5:10: warning: fix_at has no effect: action = \"log\" does not fix anything",
       "fix_at = \"open\"\nrule = [{match = [\"x\"], action = \"fix\"}]"},
      {"file_mode = \"0640\"\nguard = [\"content\"]",
       "p.toml:5:13: warning: file_mode has no effect: the policy does not guard ownership",
       "file_mode = \"0640\"\nguard = [\"content\", \"ownership\"]"},
      {"dir_mode = \"0750\"\nguard = [\"read\"]",
       "p.toml:5:12: warning: dir_mode has no effect: the policy does not guard ownership",
       "dir_mode = \"0750\""},
      {"[[policy.rule]]\nmatch = [\"x\"]",
       "p.toml:5:1: warning: this rule has no effect: set owner, group, file_mode, "
       "dir_mode or action",
       "[[policy.rule]]\nmatch = [\"x\"]\naction = \"log\""},
      {"action = \"off\"\nrule = [{match = [\"x\"], action = \"fix\"}]",
       "p.toml:6:34: warning: action has no effect: the policy is off, and so are its rules",
       "action = \"off\"\nrule = [{match = [\"x\"], owner = \"root\"}]"},
  };
  for (const auto& [fires, message, silent] : cases) {
    EXPECT_THAT(about(fires), ElementsAre(message));
    EXPECT_THAT(about(silent), IsEmpty()) << silent;
  }
}

TEST_F(Lint, ReportsModesThatHurtTheOwnerOrLetEveryUserWrite) {
  constexpr auto kWithout =
      "takes permissions away that the owner needs; usual are \"0640\" for "
      "files and \"0750\" for directories";
  for (const auto* mode : {"file_mode = \"0040\"", "dir_mode = \"0600\"", "dir_mode = \"0640\"",
                           "dir_mode = \"0350\""})
    EXPECT_THAT(about(mode), ElementsAre(HasSubstr(kWithout))) << mode;
  for (const auto* mode : {"file_mode = \"0642\"", "dir_mode = \"0777\""})
    EXPECT_THAT(about(mode), ElementsAre(HasSubstr("lets every user write"))) << mode;
  EXPECT_THAT(about("rule = [{match = [\"x\"], file_mode = \"0666\"}]"),
              ElementsAre("p.toml:5:37: warning: file_mode lets every user write"));
  for (const auto* mode : {"file_mode = \"0400\"", "file_mode = \"0664\"", "dir_mode = \"0500\"",
                           "dir_mode = \"2775\""})
    EXPECT_THAT(about(mode), IsEmpty()) << mode;
}

TEST_F(Lint, ReportsAnOwnerThatIsRoot) {
  const std::string message = "the owner is root: changes by root are never violations";
  EXPECT_THAT(messages("[[policy]]\nname=\"a\"\npaths=[\"/srv/a\"]\nowner = \"root\""),
              ElementsAre(HasSubstr("p.toml:4:9: warning: " + message)));
  EXPECT_THAT(messages("[[policy]]\nname=\"a\"\npaths=[\"/srv/a\"]\nowner = 0"),
              ElementsAre(HasSubstr(message)));
  EXPECT_THAT(about("rule = [{match = [\"x\"], owner = \"root\"}]"), IsEmpty())
      << "usual for a few files of a tree";
}

TEST_F(Lint, IgnoresAPolicyThatIsOff) {
  world_.files.put_directory("/srv/shop", kAlice, kAliceGroup, Mode{0777});
  EXPECT_THAT(messages("[[policy]]\nname=\"a\"\npaths=[\"/srv/shop\"]\nowner = 0\nallow=[{}]\n"
                       "action = \"off\"\nfix_at = \"open\"\nfile_mode = \"0777\""),
              IsEmpty());
}

// Allows.

TEST_F(Lint, ReportsAnAllowThatExemptsEveryone) {
  constexpr auto kEveryone = "this allow exempts everyone";
  EXPECT_THAT(about("[[policy.allow]]"),
              ElementsAre("p.toml:5:1: warning: this allow exempts everyone: set at least one "
                          "of exe, unit, container, image, user, group, login, label"));
  EXPECT_THAT(about("[[policy.allow]]\neffect = \"ignore\"\nchildren = false"),
              ElementsAre(HasSubstr(kEveryone)));
  EXPECT_THAT(about("[[policy.allow]]\nuser = \"root\""),
              ElementsAre("p.toml:6:8: warning: this allow exempts root, whose mistakes are the "
                          "main reason to use guardd"));
  for (const auto* key :
       {"user = \"alice\"", "group = \"ops\"", "login = \"root\"", "unit = \"a.service\"",
        "label = \"backup\"", "user = \"root\"\nlogin = \"alice\""})
    EXPECT_THAT(about("[[policy.allow]]\n" + std::string(key)), IsEmpty()) << key;
}

// Patterns that never match.

TEST_F(Lint, ReportsARuleThatAnEarlierOneShadows) {
  const auto rules = [](const std::string& first, const std::string& second) {
    return "rule = [\n{match = [\"" + first + "\"], action = \"log\"},\n{match = [\"" + second +
           "\"], action = \"fix\"}]";
  };
  EXPECT_THAT(about(rules("conf/**", "conf/*.key")),
              ElementsAre("p.toml:7:11: warning: \"conf/*.key\" can never match: the rule "
                          "\"conf/**\" at p.toml:6 matches everything first"));
  EXPECT_THAT(about(rules("x", "x")), ElementsAre(HasSubstr("can never match")));
  EXPECT_THAT(about(rules("conf/*.key", "conf/**")), IsEmpty()) << "the usual order";
  EXPECT_THAT(about(rules("conf/**", "conf")), IsEmpty()) << "the directory is not below itself";
  EXPECT_THAT(about("rule = [{match = [\"a\", \"a\"], action = \"log\"}]"), IsEmpty())
      << "a duplicate in one rule is harmless";
}

TEST_F(Lint, ReportsARuleForExcludedPaths) {
  EXPECT_THAT(about("exclude = [\"cache/**\"]\nrule = [{match = [\"cache/x\", \"y\"], action = "
                    "\"fix\"}]"),
              ElementsAre("p.toml:6:19: warning: \"cache/x\" can never match: exclude "
                          "\"cache/**\" at p.toml:5 matches everything first"));
  EXPECT_THAT(about("exclude = [\"cache/*\"]\nrule = [{match = [\"cache/**\"], action = \"fix\"}]"),
              IsEmpty());
}

TEST_F(Lint, ReportsAPatternThatOnlyMatchesInAnotherTree) {
  const auto inner = policy_text("", "inner", "/srv/shop/db");
  EXPECT_THAT(messages(policy_text("exclude = [\"db/*.tmp\"]") + inner),
              ElementsAre("p.toml:5:12: warning: \"db/*.tmp\" can never match: \"/srv/shop/db\" "
                          "is a separate tree, at p.toml:8"));
  EXPECT_THAT(messages(policy_text("rule = [{match = [\"db/x/y\"], action = \"fix\"}]") + inner),
              ElementsAre(HasSubstr("can never match")));
  EXPECT_THAT(messages(policy_text("exclude = [\"**/*.tmp\", \"db*/x\", \"dbx/*\"]") + inner),
              IsEmpty());
  EXPECT_THAT(
      messages(policy_text("exclude = [\"db/x\"]", "shop", "/srv/shop\", \"/srv/two") + inner),
      IsEmpty())
      << "it matches in the other tree";
}

TEST_F(Lint, StopsComparingPatternsThatTakeTooLong) {
  std::string more;
  for (unsigned i = 0; i < 300; ++i)
    more += "[[policy.rule]]\nmatch = [\"*a?????????????" + std::string(i % 9, '?') + "b*\", \"*" +
            std::to_string(i) + "a????????????????c*\"]\naction = \"fix\"\n";
  const auto begin = std::chrono::steady_clock::now();
  about(more);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

// Trees and their parent directories.

TEST_F(Lint, AMissingTreeIsPending) {
  EXPECT_EQ(about_tree(), "");
  world_.files.fail_at("/srv/shop");
  EXPECT_EQ(about_tree(), "");
}

TEST_F(Lint, ATreeOfTheOwnerOrRootIsFine) {
  world_.files.put_directory("/srv/shop", kShop, kShopGroup, Mode{0750});
  EXPECT_EQ(about_tree(), "");
  world_.files.put_directory("/srv/shop", kRoot, Gid{0}, Mode{0775});
  EXPECT_EQ(about_tree(), "") << "only root is in the group root";
}

TEST_F(Lint, ReportsAFileSystemWithoutOwners) {
  auto& root = world_.files.put_directory("/srv/shop");
  root.can_chown = false;
  root.filesystem = "vfat";
  EXPECT_EQ(about_tree(),
            "p.toml:3:10: warning: \"/srv/shop\" is on vfat, which does not store owners: guardd "
            "cannot fix anything on it");
  EXPECT_EQ(about_tree("action = \"log\""), "") << "it can still be logged";
  EXPECT_NE(about_tree("rule = [{match = [\"x\"], action = \"fix\"}]"), "");
  root.can_chown = true;
  root.read_only = true;
  EXPECT_THAT(about_tree(), HasSubstr("is mounted read-only"));
  EXPECT_EQ(about_tree("action = \"log\""), "");
}

TEST_F(Lint, ReportsATreeThatIsALink) {
  world_.files.put_link("/srv/shop", "/data/shop");
  EXPECT_THAT(about_tree(), HasSubstr("p.toml:3:10: warning: \"/srv/shop\" is a symbolic link"));
}

TEST_F(Lint, ReportsARootOfAnotherUser) {
  world_.files.put_directory("/srv/shop", kAlice, kAliceGroup);
  EXPECT_EQ(about_tree(), "p.toml:3:10: warning: \"/srv/shop\" belongs to uid 1000, not to shop");
}

TEST_F(Lint, ReportsAGroupWritableRoot) {
  world_.files.put_directory("/srv/shop", kShop, kShopGroup, Mode{0775});
  EXPECT_EQ(about_tree(),
            "p.toml:3:10: warning: \"/srv/shop\" can be written by its whole group (gid 1001): "
            "its members can move files in it; fix with: chmod g-w /srv/shop");
  world_.files.put_directory("/srv/shop", kShop, kShopGroup, Mode{0755});
  EXPECT_EQ(about_tree(), "");
}

TEST_F(Lint, RejectsARootThatEveryUserCanWrite) {
  world_.files.put_directory("/srv/shop", kShop, kShopGroup, Mode{0757});
  EXPECT_EQ(about_tree(),
            "p.toml:3:10: \"/srv/shop\" cannot be trusted: every user can write it, so another "
            "user could replace it; fix with: chmod o-w /srv/shop");
  EXPECT_EQ(world_.load(policy_text()).set, nullptr);
  world_.files.put_directory("/srv/shop", kShop, kShopGroup, Mode{01757});
  EXPECT_EQ(about_tree(), "") << "sticky";
}

TEST_F(Lint, RejectsATreeBelowADirectoryThatOtherUsersCanWrite) {
  struct Above {
    Uid uid;
    Gid gid;
    std::uint32_t mode;
    std::string_view message;  // a part of it; "" for no message
  };
  const std::vector<Above> cases = {
      {kRoot, Gid{0}, 0755, ""},
      {kShop, kShopGroup, 0755, ""},
      {kRoot, Gid{0}, 0775, ""},
      {kRoot, Gid{0}, 01777, ""},
      {kRoot, Gid{0}, 0757, "cannot be trusted: every user can write it"},
      {kAlice, kAliceGroup, 0755, "cannot be trusted: it belongs to uid 1000"},
      {kAlice, kAliceGroup, 01755, "cannot be trusted: it belongs to uid 1000"},
      {kRoot, kOps, 0775, "cannot be trusted: its group (gid 500) can write it"},
      {kRoot, kShopGroup, 0775,
       "warning: \"/srv\", above this tree, can be written by the group shop"},
  };
  for (const auto& [uid, gid, mode, message] : cases) {
    world_.files.put_directory("/srv", uid, gid, Mode{mode});
    if (message.empty()) {
      EXPECT_EQ(about_tree(), "");
    } else {
      EXPECT_THAT(about_tree(), HasSubstr(message));
    }
    EXPECT_EQ(world_.load(policy_text()).set == nullptr, message.starts_with("cannot"));
  }
}

TEST_F(Lint, LooksAtEveryDirectoryAboveAndThroughLinks) {
  world_.files.put_directory("/", kAlice, kAliceGroup);
  EXPECT_THAT(about_tree(), HasSubstr("\"/\", above this tree, cannot be trusted"));
  world_.files.put_directory("/");
  world_.files.put_link("/srv", "/data");
  world_.files.put_directory("/data", kRoot, Gid{0}, Mode{0777});
  EXPECT_THAT(about_tree(), HasSubstr("\"/srv\", above this tree, cannot be trusted"));
}

TEST_F(Lint, MendsPathsThatNeedEscaping) {
  world_.files.put_directory("/srv/a\x1b", kShop, kShopGroup, Mode{0777});
  const auto found = messages(policy_text("", "a", "/srv/a\\u001b"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(testing::is_harmless(found[0])) << found[0];
}

}  // namespace
}  // namespace guard
