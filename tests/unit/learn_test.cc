// From recorded violations to proposals: services, people, accidents, and files of other owners.
#include <gmock/gmock.h>

#include "guardd/audit/lessons.h"
#include "guardd/ctl/text/proposals.h"
#include "guardd/ctl/text/proposals_text.h"
#include "tests/unit/audit_fixture.h"

namespace guard {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class LearnTest : public AuditTest {
 protected:
  Lessons lessons(const RecordFilter& filter = {}) const {
    auto learnt = learn(path(), filter, {});
    EXPECT_TRUE(learnt) << learnt.error().text();
    return learnt ? *std::move(learnt) : Lessons();
  }
  // Of a service that gives files to root:4242.
  Violation of_service(const std::string& path, const std::string& exe = "/usr/bin/restic") {
    auto v = git_violation(path);
    v.time = moment(++told_);
    v.action = Outcome::kLogged;
    v.before = v.after = Ownership{Uid{0}, Gid{4242}, Mode{0600}};
    v.actor = Actor();
    v.actor.edit().exe = exe;
    v.actor.edit().unit = "restic.service";
    v.actor.edit().fsuid = Uid{0};
    return v;
  }
  Violation of_person(const std::string& path) {
    auto v = git_violation(path);
    v.time = moment(++told_);
    v.actor.edit().tty = "pts/1";
    v.actor.edit().unit = "session-3.scope";
    return v;
  }
  static ctl::Proposals proposed(const Lessons& lessons) {
    return ctl::propose(lessons, {"/srv/shop", "/srv/shop/inner"}, users_);
  }
  static std::vector<std::string> matches(const ctl::Proposals& proposals) {
    std::vector<std::string> matches;
    for (const auto& rule : proposals.rules) matches.push_back(rule.match);
    return matches;
  }

  // Only alice has a name here.
  class NumberedUsers final : public Users {
   public:
    Result<std::optional<Account>> user(const std::string& name) const override {
      if (name == "alice") return std::optional(Account{"alice", Uid{1000}, Gid{1000}});
      return std::optional<Account>();
    }
    Result<std::optional<Account>> user(Uid /*uid*/) const override {
      return std::optional<Account>();
    }
    Result<std::optional<Gid>> group(const std::string& /*name*/) const override {
      return std::optional<Gid>();
    }
    Result<std::optional<std::string>> group_name(Gid /*gid*/) const override {
      return std::optional<std::string>();
    }
    std::vector<std::string> user_names() const override { return {}; }
    std::vector<std::string> group_names() const override { return {}; }
  };
  static inline const NumberedUsers users_;

  std::int64_t told_ = 0;
};

TEST_F(LearnTest, ServicesAreProposedAndPeopleAreNot) {
  {
    auto trail = open();
    for (int i = 0; i < 5; ++i) tell(*trail, of_service("/srv/shop/" + std::to_string(i)));
    tell(*trail, of_person("/srv/shop/hers"));
    auto other = of_service("/srv/mail/x");
    other.policy = "mail";
    tell(*trail, other);
  }
  RecordFilter filter;
  filter.policy = "shop";
  const auto learnt = lessons(filter);
  EXPECT_EQ(learnt.all.violations, 6U);
  ASSERT_THAT(learnt.subjects, SizeIs(2));
  EXPECT_EQ(learnt.subjects[0].tally.violations, 5U);
  EXPECT_THAT(learnt.subjects[0].examples,
              ElementsAre("/srv/shop/0", "/srv/shop/1", "/srv/shop/2"));
  EXPECT_TRUE(learnt.subjects[0].operations.has(Operation::kCreate));
  const auto proposals = proposed(learnt);
  ASSERT_THAT(proposals.allows, SizeIs(1));
  EXPECT_EQ(proposals.allows[0].exe, "/usr/bin/restic");
  EXPECT_EQ(proposals.allows[0].unit, "restic.service");
  ASSERT_THAT(proposals.people, SizeIs(1));
  EXPECT_EQ(proposals.people[0].person, "alice");
  filter.since = moment(1'000'000);
  EXPECT_EQ(lessons(filter).all.violations, 0U);
}

TEST_F(LearnTest, FilesOfOtherOwners) {
  {
    auto trail = open();
    tell(*trail, of_service("/srv/shop/conf/a.key"));
    tell(*trail, of_service("/srv/shop/b.key"));
    for (int i = 0; i < 2; ++i) tell(*trail, of_service("/srv/shop/inner/keystore"));
    for (int i = 0; i < 3; ++i) tell(*trail, of_service("/srv/shop/run/" + std::to_string(i)));
    auto other = of_service("/srv/shop/mixed");
    tell(*trail, other);
    other = of_service("/srv/shop/mixed");
    other.before->gid = Gid{7};
    tell(*trail, other);
    tell(*trail, of_service("/srv/shop/once"));
    for (int i = 0; i < 3; ++i) tell(*trail, of_person("/srv/shop/hers"));
  }
  const auto proposals = proposed(lessons());
  EXPECT_THAT(matches(proposals), ElementsAre("run/**", "**/*.key", "keystore"));
  EXPECT_EQ(proposals.rules[0].owner, "0");
  EXPECT_EQ(proposals.rules[0].group, "4242");
}

// One file of another owner prevents the proposal for its ending.
TEST_F(LearnTest, OneExceptionPreventsAPattern) {
  {
    auto trail = open();
    tell(*trail, of_service("/srv/shop/a.key"));
    tell(*trail, of_service("/srv/shop/b.key"));
    tell(*trail, of_person("/srv/shop/c.key"));
  }
  EXPECT_THAT(matches(proposed(lessons())), IsEmpty());
}

TEST_F(LearnTest, ProgramsOfOneServiceAreAllowedByItsUnit) {
  {
    auto trail = open();
    tell(*trail, of_service("/srv/shop/a", "/usr/bin/mv"));
    tell(*trail, of_service("/srv/shop/b", "/usr/bin/rm"));
    auto outside = of_service("/srv/shop/c", "/usr/bin/tool");
    outside.actor.edit().unit.reset();
    tell(*trail, outside);
    auto gone = of_service("/srv/shop/d", "/tmp/tool (deleted)");
    gone.actor.edit().unit = "session-1.scope";
    tell(*trail, gone);
    auto package = of_service("/srv/shop/e");
    package.actor.edit().label = "package-manager";
    tell(*trail, package);
  }
  const auto proposals = proposed(lessons());
  ASSERT_THAT(proposals.allows, SizeIs(2));
  EXPECT_EQ(proposals.allows[0].unit, "restic.service");
  EXPECT_EQ(proposals.allows[0].exe, "");
  EXPECT_EQ(proposals.allows[1].exe, "/usr/bin/tool");
  EXPECT_NE(proposals.allows[1].warning, "");
  EXPECT_THAT(proposals.unclear, SizeIs(1));
  EXPECT_THAT(proposals.built_in, SizeIs(1));
}

TEST_F(LearnTest, NumbersAreLimited) {
  {
    auto trail = open();
    for (int i = 0; i < 2'500; ++i)
      tell(*trail, of_service("/srv/shop/" + std::to_string(i), "/opt/" + std::to_string(i)));
  }
  const auto learnt = lessons();
  EXPECT_EQ(learnt.all.violations, 2'500U);
  EXPECT_THAT(learnt.subjects, SizeIs(1'000));
  EXPECT_EQ(learnt.others.violations, 1'500U);
  EXPECT_THAT(learnt.files, SizeIs(2'000));
  EXPECT_EQ(learnt.more_files, 500U);
}

TEST(TomlText, EscapesEveryText) {
  EXPECT_EQ(ctl::toml_text("a\"b\\c"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(ctl::toml_text("a\nb"), "\"a\\U0000000Ab\"");
  EXPECT_EQ(ctl::toml_text("ä"), "\"ä\"");
  EXPECT_EQ(ctl::toml_text(""), "\"\"");
}

}  // namespace
}  // namespace guard
