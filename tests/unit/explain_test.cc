#include "policy/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/fakes.h"
#include "tests/unit/judging.h"

namespace guard {
namespace {

using ::testing::ElementsAre;
using testing::is_harmless;
using ::testing::IsEmpty;
using testing::kAlice;
using testing::kAliceGroup;
using testing::kShop;
using testing::kShopGroup;
using testing::lying;
using testing::policy_text;
using testing::root;
using testing::subject;
using testing::World;

// Each step as "FILE:LINE text", or without the place if no line decides it.
std::vector<std::string> lines(const std::vector<ExplainedStep>& steps) {
  std::vector<std::string> lines;
  for (const auto& step : steps) {
    EXPECT_EQ(step.file.empty(), step.line == 0);
    lines.push_back(step.file.empty()
                        ? step.text
                        : step.file + ":" + std::to_string(step.line) + " " + step.text);
  }
  return lines;
}

class Explain : public ::testing::Test {
 protected:
  Explanation explain(const std::string& text, const ExplainQuestion& question) {
    loaded_ = world_.load_good(text);
    if (!loaded_.set) throw std::runtime_error("bad policy");
    return guard::explain(*loaded_.set, question);
  }
  // Explains one operation by root.
  ExplainedOperation explain(const std::string& text, Operation operation,
                             const Subject& who = root(), const std::string& user = "root") {
    ExplainQuestion question;
    question.path = "/srv/shop/conf";
    question.user = user;
    question.subject = who;
    question.operations = {operation};
    return explain(text, question).operations.at(0);
  }
  static ExplainQuestion about(const std::string& path) {
    ExplainQuestion question;
    question.path = path;
    question.user = "root";
    question.subject = root();
    return question;
  }

  World world_;
  testing::Attempt loaded_;
};

TEST_F(Explain, APathThatNoPolicyGuards) {
  const auto explanation = explain(policy_text(), about("/etc/passwd"));
  EXPECT_EQ(explanation.policy, nullptr);
  EXPECT_EQ(explanation.wanted, nullptr);
  EXPECT_FALSE(explanation.action);
  EXPECT_THAT(lines(explanation.steps), ElementsAre("no policy guards this path"));
  EXPECT_THAT(explanation.operations, IsEmpty());
}

TEST_F(Explain, WhichTreePolicyAndRuleApplyWithTheLineOfEach) {
  const auto explanation = explain(policy_text(R"(action = "fix"
exclude = [
  "cache/**",
  "tmp/**"]
[[policy.rule]]
match = ["*.key"]
action = "log"
[[policy.rule]]
match = ["**"]
owner = "alice"
)") + policy_text("", "outer", "/srv"),
                                   about("/srv/shop/conf"));
  EXPECT_THAT(
      lines(explanation.steps),
      ElementsAre("p.toml:17 \"/srv\" is a tree of policy outer, but a nested tree is closer",
                  "p.toml:3 \"/srv/shop\" is a tree of policy shop",
                  "p.toml:7 exclude \"cache/**\" does not match",
                  "p.toml:8 exclude \"tmp/**\" does not match", "p.toml:9 rule 1 does not match",
                  "p.toml:12 rule 2 matches: wants alice:shop, action fix"));
  ASSERT_TRUE(explanation.policy);
  EXPECT_EQ(explanation.policy->name(), "shop");
  EXPECT_EQ(explanation.tree->path, "/srv/shop");
  EXPECT_EQ(explanation.rule, &explanation.policy->rules[1]);
  EXPECT_EQ(explanation.wanted->owner.id, kAlice);
  EXPECT_EQ(explanation.action, Action::kFix);
  EXPECT_FALSE(explanation.excluded);
}

TEST_F(Explain, NamesTheFileOfEachLine) {
  loaded_ = world_.load({{"a.toml", policy_text("", "outer", "/srv/x")},
                         {"b.toml", "\n\n" + policy_text("", "inner", "/srv/x/y")}});
  ASSERT_TRUE(loaded_.set);
  EXPECT_THAT(
      lines(guard::explain(*loaded_.set, about("/srv/x/y/z")).steps),
      ElementsAre("a.toml:3 \"/srv/x\" is a tree of policy outer, but a nested tree is closer",
                  "b.toml:5 \"/srv/x/y\" is a tree of policy inner"));
}

TEST_F(Explain, ExcludedPathsAndActionOff) {
  auto explanation = explain(policy_text("exclude = [\"cache/**\"]"), about("/srv/shop/cache/x"));
  EXPECT_TRUE(explanation.excluded);
  EXPECT_EQ(lines(explanation.steps).back(), "p.toml:5 exclude \"cache/**\" matches");

  explanation = explain(policy_text("action = \"off\""), about("/srv/shop/x"));
  EXPECT_EQ(explanation.action, Action::kOff);
  EXPECT_EQ(lines(explanation.steps).back(),
            "p.toml:5 the action is off: nothing is watched at this path");

  explanation =
      explain(policy_text("rule = [\n{match = [\"x\"], action = \"off\"}]"), about("/srv/shop/x"));
  EXPECT_EQ(lines(explanation.steps).back(),
            "p.toml:6 the action is off: nothing is watched at this path");
}

TEST_F(Explain, HowThePresentObjectDiffers) {
  const auto text = policy_text("file_mode = \"0640\"");
  auto question = about("/srv/shop/x");
  EXPECT_FALSE(explain(text, question).now) << "nothing is there";
  question.present = lying(kShop, kShopGroup, 0640);
  EXPECT_FALSE(explain(text, question).now->any());
  question.present = lying(kRoot, kShopGroup, 0666);
  const auto now = explain(text, question).now;
  ASSERT_TRUE(now);
  EXPECT_TRUE(now->owner);
  EXPECT_FALSE(now->group);
  EXPECT_EQ(now->mode_excess, 0026U);
  EXPECT_FALSE(explain(policy_text("action = \"off\""), question).now) << "no state is wanted";
}

TEST_F(Explain, EveryStepOfAnOperation) {
  constexpr auto kText = R"(action = "deny"
guard = ["delete", "ownership"]
strict = false
only = "interactive"
[[policy.allow]]
user = "alice"
[[policy.allow]]
login = "alice"
)";
  auto who = root();
  EXPECT_THAT(
      lines(explain(policy_text(kText), Operation::kCreate).steps),
      ElementsAre(
          "root is not the owner",
          "p.toml:6 the guard ownership covers it, and the policy has this guard",
          "the result is not as wanted", "p.toml:9 allow 1 does not match",
          "p.toml:11 allow 2 does not match", "p.toml:7 it is not a package manager",
          "p.toml:8 only interactive users are denied, and this process is not interactive"));
  who.self.login = kAlice;
  who.has_terminal = true;
  EXPECT_EQ(lines(explain(policy_text(kText), Operation::kCreate, who).steps).back(),
            "p.toml:11 allow 2 matches: the change is not denied")
      << "no further step";
}

TEST_F(Explain, OnlyTheStepsThatMattered) {
  EXPECT_THAT(lines(explain(policy_text("action = \"off\""), Operation::kCreate).steps), IsEmpty());
  EXPECT_THAT(
      lines(explain(policy_text(), Operation::kCreate, subject(kShop, kShopGroup), "shop").steps),
      ElementsAre("shop is the owner, and an owner never violates its own policy"));
  EXPECT_THAT(lines(explain(policy_text(), Operation::kRead).steps),
              ElementsAre("root is not the owner",
                          "the guard read covers it, and the policy does not have this guard"));
}

struct Case {
  std::string more;
  Operation operation;
  ExpectedOutcome lsm;
  ExpectedOutcome fanotify;
  std::string because;
};

TEST_F(Explain, TheOutcomeOnEachBackendAndWhy) {
  using O = Operation;
  using R = ExpectedOutcome;
  const std::vector<Case> cases = {
      {"action = \"log\"", O::kCreate, R::kLogged, R::kLogged, "the owner would not be shop:shop"},
      {"action = \"fix\"", O::kMkdir, R::kFixed, R::kFixed, "the owner would not be shop:shop"},
      {"action = \"deny\"", O::kCreate, R::kDenied, R::kDenied, "the owner would not be shop:shop"},
      {"action = \"deny\"", O::kMkdir, R::kDenied, R::kFixed, "the owner would not be shop:shop"},
      {"action = \"deny\"", O::kChown, R::kDenied, R::kFixed, "the owner would not be shop:shop"},
      {"action = \"deny\"", O::kMknod, R::kDenied, R::kLogged,
       "the owner would not be shop:shop; guardd never changes the owner of such a file"},
      {"action = \"deny\"", O::kLink, R::kDenied, R::kLogged,
       "the owner would not be shop:shop; guardd never changes the owner of a hard link"},
      {"action = \"deny\"", O::kMount, R::kDenied, R::kLogged,
       "a mount hides the files of the service; guardd never unmounts"},
      {"action = \"fix\"\nfile_mode = \"0640\"", O::kChmod, R::kFixed, R::kFixed,
       "the mode would not be as wanted"},
      {"action = \"deny\"\nguard = [\"content\"]", O::kWrite, R::kDenied, R::kDenied,
       "root is not the owner; only the owner may change content"},
      {"action = \"deny\"\nguard = [\"content\"]", O::kTruncate, R::kDenied, R::kLogged,
       "root is not the owner; only the owner may change content"},
      {"action = \"deny\"\nguard = [\"delete\"]", O::kUnlink, R::kDenied, R::kLogged,
       "root is not the owner; only the owner may delete"},
      {"action = \"deny\"\nguard = [\"delete\"]", O::kRename, R::kDenied, R::kLogged,
       "root is not the owner; only the owner may delete"},
      {"action = \"deny\"\nguard = [\"attributes\"]", O::kSetflags, R::kDenied, R::kNotSeen,
       "root is not the owner; only the owner may change attributes"},
      {"action = \"log\"\nguard = [\"attributes\"]", O::kSetxattr, R::kLogged, R::kLogged,
       "root is not the owner; only the owner may change attributes"},
      {"action = \"deny\"\nguard = [\"read\"]", O::kRead, R::kDenied, R::kDenied,
       "root is not the owner; only the owner may read"},
      {"action = \"deny\"\nallow = [{user = \"root\"}]", O::kCreate, R::kFixed, R::kFixed,
       "the owner would not be shop:shop; an allow exempts it from denial"},
      {"action = \"deny\"\nonly = \"interactive\"", O::kCreate, R::kFixed, R::kFixed,
       "the owner would not be shop:shop; only interactive users are denied"},
      {"allow = [{user = \"root\", effect = \"ignore\"}]", O::kCreate, R::kLeftAlone, R::kLeftAlone,
       "an allow permits it"},
      {"action = \"off\"", O::kCreate, R::kLeftAlone, R::kLeftAlone, "the action is off"},
      {"exclude = [\"conf\"]", O::kCreate, R::kLeftAlone, R::kLeftAlone,
       "the policy excludes this path"},
      {"action = \"deny\"", O::kUnlink, R::kLeftAlone, R::kLeftAlone,
       "no guard of the policy covers this operation"},
  };
  for (const auto& [more, operation, lsm, fanotify, because] : cases) {
    const auto explained = explain(policy_text(more), operation);
    const auto name = more + ": " + std::string(word(operation));
    EXPECT_EQ(word(explained.outcomes[0]), word(lsm)) << name;
    EXPECT_EQ(word(explained.outcomes[1]), word(fanotify)) << name;
    EXPECT_EQ(explained.because, because) << name;
    EXPECT_EQ(explained.operation, operation);
    EXPECT_EQ(explained.guard.has_value(), explained.reason == Reason::kViolation);
  }
}

TEST_F(Explain, TheOwnerAndNewFilesInASetgidDirectoryAreLeftAlone) {
  const auto by_owner = explain(policy_text("action = \"deny\""), Operation::kCreate,
                                subject(kShop, kShopGroup), "shop");
  EXPECT_EQ(by_owner.outcomes[0], ExpectedOutcome::kLeftAlone);
  EXPECT_EQ(by_owner.because, "shop is the owner");

  auto question = about("/srv/shop/x");
  question.subject = subject(kAlice, kAliceGroup);
  question.operations = {Operation::kCreate};
  question.parents_group = kShopGroup;
  const auto text =
      "[[policy]]\nname=\"a\"\npaths=[\"/srv/shop\"]\nowner=\"alice\"\ngroup=\"shop\"\n"
      "[[policy.rule]]\nmatch=[\"x\"]\nowner=\"root\"\n";
  EXPECT_EQ(explain(text, question).operations[0].reason, Reason::kOwner);
  question.subject = root();
  EXPECT_EQ(explain(text, question).operations[0].reason, Reason::kOwner)
      << "the rule's owner, under the rule";
}

TEST_F(Explain, NothingIsFixedIfNothingCanBeChowned) {
  auto question = about("/srv/shop/x");
  question.operations = {Operation::kCreate};
  question.cannot_chown = true;
  EXPECT_EQ(explain(policy_text("action = \"fix\""), question).operations[0].outcomes[0],
            ExpectedOutcome::kLogged);
}

TEST_F(Explain, DescribesWhatIsWanted) {
  explain(policy_text("group = 77\nfile_mode = \"0640\""), about("/srv/shop"));
  const auto& wanted = loaded_.policy().wanted;
  EXPECT_EQ(describe(wanted, FileType::kRegular), "shop:77 0640");
  EXPECT_EQ(describe(wanted, FileType::kDirectory), "shop:77");
  EXPECT_EQ(describe(wanted, FileType::kSymlink), "shop:77");
}

// Hostile text in a policy, a user and a path at once.
TEST_F(Explain, ItsSentencesAreSafeForATerminal) {
  world_.users.add("sh\x1bop\xc2\x9b", Uid{1002}, Gid{1002});
  const auto text = policy_text(
      "exclude = [\"\\u001bc\\u202e\\n\"]\n"
      "rule = [{match = [\"x\\u009b\"], owner = 1002, group = 1002}]\n",
      "shop", "/srv/a\\u001b\\n");
  ExplainQuestion question;
  question.path = "/srv/a\x1b\n/x\xc2\x9b";
  question.user = "ev\x1bil\n";
  question.subject = root();
  for (std::size_t i = 0; i < Words<Operation>::kAll.size(); ++i)
    question.operations.push_back(static_cast<Operation>(i));
  const auto explanation = explain(text, question);
  ASSERT_TRUE(explanation.rule);
  for (const auto& step : explanation.steps) EXPECT_TRUE(is_harmless(step.text)) << step.text;
  for (const auto& operation : explanation.operations) {
    EXPECT_TRUE(is_harmless(operation.because)) << operation.because;
    for (const auto& step : operation.steps) EXPECT_TRUE(is_harmless(step.text)) << step.text;
  }
  EXPECT_TRUE(is_harmless(describe(*explanation.wanted, FileType::kRegular)));
}

}  // namespace
}  // namespace guard
