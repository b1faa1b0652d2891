#include "guardd/publish/incidents.h"

#include <gtest/gtest.h>

#include <set>

#include "policy/record/fields.h"
#include "tests/unit/records.h"

namespace guard {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class IncidentsTest : public testing::Test {
 protected:
  static constexpr Incidents::Clock::time_point kStart{seconds(1000)};

  Incidents incidents_{{}, RecordIds(RecordIds::Length::kIncident)};

  Incidents::Change take(Violation violation, Incidents::Clock::duration after = {}) {
    return incidents_.add(violation, kStart + after);
  }
};

bool shares(const Incident& incident, std::string_view name) {
  for (std::size_t i = 0; i < kFieldCount; ++i)
    if (kFields[i].name == name) return incident.shared[i];
  ADD_FAILURE() << "unknown field " << name;
  return false;
}

TEST_F(IncidentsTest, GitPullWithItsChildrenIsOneIncident) {
  const auto lineage = git_violation().actor->lineage;
  take(git_violation("/srv/shop/.git/FETCH_HEAD"));
  auto child = git_violation("/srv/shop/.git/objects/aa");
  auto above = lineage;
  above.insert(above.begin(), {process(301, "git", "git fetch"), process(300, "git", "git pull")});
  acts(child.actor.edit(), process(302, "git-remote-http", "git-remote-http origin"), above);
  child.actor.edit().pid = 302;
  const auto taken = take(child, milliseconds(1900));
  EXPECT_FALSE(taken.opened);
  ASSERT_EQ(incidents_.open(), 1U);
  EXPECT_EQ(taken.incident->count, 2U);
  EXPECT_EQ(taken.incident->command.cmdline, "git pull");
  EXPECT_EQ(taken.incident->sample.size(), 2U);
  EXPECT_TRUE(shares(*taken.incident, "policy"));
  EXPECT_TRUE(shares(*taken.incident, "login_uid"));
  EXPECT_TRUE(shares(*taken.incident, "operation"));
  EXPECT_FALSE(shares(*taken.incident, "path"));
  EXPECT_FALSE(shares(*taken.incident, "pid"));
  EXPECT_FALSE(shares(*taken.incident, "id"));
}

TEST_F(IncidentsTest, AScriptIsOneIncidentWithItsCommands) {
  const std::vector<Ancestor> above{process(200, "bash", "bash deploy.sh"),
                                    process(100, "bash", "-bash")};
  const auto runs = [&](int pid, const std::string& name, const std::string& path) {
    auto violation = git_violation(path);
    acts(violation.actor.edit(), process(pid, name, name + " x"), above);
    return take(violation);
  };
  EXPECT_TRUE(runs(300, "cp", "/srv/shop/conf/apt/a").opened);
  EXPECT_FALSE(runs(301, "cp", "/srv/shop/conf/apt/b/c").opened);
  const auto* incident = runs(302, "chown", "/srv/shop/conf/apt").incident;
  ASSERT_EQ(incident->commands.size(), 2U);
  EXPECT_EQ(incident->command.cmdline, "cp x");
  EXPECT_EQ(incident->commands[0].command.cmdline, "cp x");
  EXPECT_EQ(incident->commands[0].count, 2U);
  EXPECT_EQ(incident->commands[1].command.cmdline, "chown x");
  EXPECT_EQ(incident->directory, "/srv/shop/conf");
  EXPECT_EQ(incident->first.actor->via, std::vector<std::string>{"bash deploy.sh"});
  for (int i = 0; i < 20; ++i) incident = runs(400 + i, "p" + std::to_string(i), "/srv/x").incident;
  EXPECT_EQ(incident->commands.size(), Incident::kMostCommands);
  EXPECT_EQ(incident->directory, "/srv");
}

TEST_F(IncidentsTest, TwoUsersAtOnceAreTwoIncidents) {
  auto bob = git_violation();
  bob.actor.edit().login_uid = Uid{1001};
  acts(bob.actor.edit(), process(400, "git", "git pull"), {process(350, "bash", "-bash")});
  take(git_violation());
  EXPECT_TRUE(take(bob).opened);
  EXPECT_EQ(incidents_.open(), 2U);
}

TEST_F(IncidentsTest, TwoUsersWithoutKnownProcessesAreTwoIncidents) {
  auto alice = git_violation();
  alice.actor.edit().pid.reset();
  alice.actor.edit().lineage.clear();
  auto bob = alice;
  bob.actor.edit().login_uid = Uid{1001};
  auto nobody = alice;
  nobody.actor.edit().login_uid.reset();
  take(alice);
  EXPECT_FALSE(take(alice).opened);
  EXPECT_TRUE(take(bob).opened);
  EXPECT_TRUE(take(nobody).opened);
}

TEST_F(IncidentsTest, TwoPoliciesAreTwoIncidents) {
  auto other = git_violation();
  other.policy = "blog";
  take(git_violation());
  EXPECT_TRUE(take(other).opened);
}

TEST_F(IncidentsTest, AReusedPidIsAnotherIncident) {
  auto later = git_violation();
  later.actor.edit().start_time = 5;
  take(git_violation());
  EXPECT_TRUE(take(later).opened);
}

TEST_F(IncidentsTest, ACommandAfterTheQuietTimeIsANewIncident) {
  const auto first = take(git_violation()).incident->id;
  ASSERT_TRUE(incidents_.next_due());
  EXPECT_EQ(*incidents_.next_due(), kStart + seconds(2));
  EXPECT_TRUE(incidents_.close_due(kStart + milliseconds(1999)).empty());
  const auto again = take(git_violation(), seconds(2));
  EXPECT_TRUE(again.opened);
  ASSERT_EQ(again.closed.size(), 1U);
  EXPECT_EQ(again.closed.front()->id, first);
  EXPECT_NE(again.incident->id, first);
}

TEST_F(IncidentsTest, StaysOpenWhileViolationsContinue) {
  for (int i = 0; i < 100; ++i) EXPECT_EQ(take(git_violation(), i * seconds(1)).opened, i == 0);
}

TEST_F(IncidentsTest, AHundredThousandViolationsAreOneIncidentWithASample) {
  Incidents::Change taken;
  auto violation = git_violation();
  for (int i = 0; i < 100'000; ++i) {
    violation.path = "/srv/shop/" + std::to_string(i);
    violation.action = i % 10 == 0 ? Outcome::kSkipped : Outcome::kFixed;
    taken = take(violation, std::chrono::microseconds(i));
  }
  EXPECT_EQ(incidents_.open(), 1U);
  EXPECT_EQ(taken.incident->count, 100'000U);
  EXPECT_EQ(taken.incident->sample.size(), 5U);
  EXPECT_EQ(taken.incident->by_outcome[static_cast<std::size_t>(Outcome::kFixed)], 90'000U);
  EXPECT_EQ(taken.incident->by_outcome[static_cast<std::size_t>(Outcome::kSkipped)], 10'000U);
}

TEST_F(IncidentsTest, AListCountsAsItsFilesAndSharesWhatAllOfThemDo) {
  auto first = git_violation("/srv/shop/0");
  first.action = Outcome::kFixed;
  first.before = Ownership{Uid{0}, Gid{0}, Mode{0644}};
  first.after = Ownership{Uid{4242}, Gid{4242}, Mode{0644}};
  first.repeats = 999;
  FixedFiles files;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    FixedFile file{{}, first.file_type, {first.object.device, i}, *first.before, *first.after};
    if (i == 500) file.before.gid = Gid{5};
    files.add("/srv/shop/" + std::to_string(i), file);
  }
  const auto taken = incidents_.add(first, kStart, files);
  ASSERT_TRUE(taken.opened);
  const auto& incident = *taken.incident;
  EXPECT_EQ(incident.count, 1000U);
  EXPECT_EQ(incident.unlisted, 1000U);
  EXPECT_EQ(incident.by_outcome[static_cast<std::size_t>(Outcome::kFixed)], 1000U);
  for (const auto* name : {"path", "inode", "gid_before"}) EXPECT_FALSE(shares(incident, name));
  for (const auto* name : {"policy", "uid_before", "gid_after", "file_type"})
    EXPECT_TRUE(shares(incident, name)) << name;
}

TEST_F(IncidentsTest, TheLongestQuietIncidentMakesRoom) {
  std::set<std::string> names;
  std::size_t closed = 0;
  for (int i = 0; i < 300; ++i) {
    auto violation = git_violation();
    acts(violation.actor.edit(), process(1000 + i, "touch"), {});
    // The first command never stops, so it is never quiet.
    auto busy = git_violation();
    closed += take(busy, milliseconds(i)).closed.size();
    const auto taken = take(violation, milliseconds(i));
    closed += taken.closed.size();
    for (const auto& incident : taken.closed) EXPECT_NE(incident->command.comm, "git");
    EXPECT_TRUE(names.insert(taken.incident->id).second);
  }
  EXPECT_EQ(incidents_.open(), 256U);
  EXPECT_EQ(closed, 45U);
  EXPECT_EQ(incidents_.close_all().size(), 256U);
  EXPECT_FALSE(incidents_.next_due());
}

TEST_F(IncidentsTest, NamesTheViolationsIncident) {
  auto violation = git_violation();
  const auto taken = incidents_.add(violation, kStart);
  EXPECT_EQ(violation.incident, taken.incident->id);
  EXPECT_EQ(taken.incident->id.size(), 9U);
}

TEST(RecordIds, AreUniqueOrderedAndShort) {
  RecordIds ids(RecordIds::Length::kViolation);
  std::string last;
  for (int i = 0; i < 10'000; ++i) {
    auto id = ids.next(moment(i / 100));
    EXPECT_EQ(id.size(), 10U);
    EXPECT_GT(id, last);
    last = std::move(id);
  }
}

TEST(RecordIds, ContinueAfterARestartAndAClockSetBack) {
  RecordIds before(RecordIds::Length::kIncident);
  const auto first = before.next(moment());
  EXPECT_GT(before.next(moment(-1'000'000)), first);
  RecordIds later(RecordIds::Length::kIncident);
  EXPECT_GT(later.next(moment(1'000)), first);
  RecordIds set_back(RecordIds::Length::kIncident, first);
  EXPECT_GT(set_back.next(moment(-1'000'000)), first);
  RecordIds no_clock(RecordIds::Length::kIncident);
  EXPECT_EQ(no_clock.next({}), "000000001");
}

}  // namespace
}  // namespace guard
