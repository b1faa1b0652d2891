// Totals of the audit trail: every violation counts once, however much it has in common with others
// and however many there are.
#include <gmock/gmock.h>

#include "guardd/audit/path_tree.h"
#include "guardd/audit/ranking.h"
#include "guardd/audit/totals.h"
#include "tests/unit/audit_fixture.h"

namespace guard {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> keys_of(const ReportTable& table) {
  std::vector<std::string> keys;
  for (const auto& row : table.rows)
    keys.push_back(row.key + (row.is_rest ? " (rest) " : " ") +
                   std::to_string(row.tally.violations));
  return keys;
}

std::uint64_t sum_of(const ReportTable& table) {
  auto sum = table.others.violations;
  for (const auto& row : table.rows) sum += row.tally.violations;
  return sum;
}

class ReportTest : public AuditTest {
 protected:
  Report report(const RecordFilter& filter = {}, std::size_t most = 10) const {
    auto made = make_report(path(), filter, most, {});
    EXPECT_TRUE(made) << made.error().text();
    return made ? *std::move(made) : Report();
  }
  // One command of one user that changes many files.
  void tell_some(Publisher& to, const std::string& person, const std::string& policy,
                 const std::string& directory, int files, std::int64_t at = 0) {
    ++commands_;
    for (int i = 0; i < files; ++i) {
      auto v = git_violation(directory + "/file-" + std::to_string(i));
      v.time = moment(at * 1'000'000 + i);
      v.policy = policy;
      auto& actor = v.actor.edit();
      actor.login_user = actor.human = person;
      auto top = process(1'000 + commands_, "git", "git pull " + std::to_string(commands_));
      acts(actor, top, {process(10 + commands_, "bash", "-bash")});
      if (i == 0) v.action = Outcome::kDenied;
      tell(to, std::move(v));
    }
  }

  int commands_ = 0;
};

TEST_F(ReportTest, AnEmptyTrailMakesAnEmptyReport) {
  open();
  const auto made = report();
  EXPECT_EQ(made.all.violations, 0U);
  EXPECT_FALSE(made.oldest);
  EXPECT_TRUE(made.spans.empty());
  EXPECT_TRUE(made.policies.rows.empty());
}

TEST_F(ReportTest, EverythingIsCountedOnce) {
  {
    auto trail = open();
    tell_some(*trail, "alice", "shop", "/srv/shop/conf", 7);
    tell_some(*trail, "bob", "shop", "/srv/shop/data", 4, 3'600);
    tell_some(*trail, "alice", "mail", "/srv/mail", 2, 7'300);
    close_all(*trail);
  }
  const auto made = report();
  EXPECT_EQ(made.all.violations, 13U);
  EXPECT_EQ(made.all.incidents, 3U);
  EXPECT_EQ(made.all.of(Outcome::kDenied), 3U);
  EXPECT_EQ(made.all.of(Outcome::kFixed), 10U);
  EXPECT_EQ(made.all.first, moment(0));
  EXPECT_EQ(made.all.last, moment(7'300'000'001));
  EXPECT_EQ(made.oldest, moment(0));
  EXPECT_THAT(keys_of(made.policies), ElementsAre("shop 11", "mail 2"));
  EXPECT_THAT(keys_of(made.people), ElementsAre("alice 9", "bob 4"));
  EXPECT_EQ(made.people.rows[0].kind, "person");
  EXPECT_EQ(made.people.rows[0].tally.incidents, 2U);
  EXPECT_THAT(keys_of(made.commands), ElementsAre("git pull 1 7", "git pull 2 4", "git pull 3 2"));
  EXPECT_EQ(made.programs.rows.size(), 1U);
  EXPECT_THAT(keys_of(made.paths).front(), "/srv/shop/conf 7");
  for (const auto* table : {&made.policies, &made.people, &made.programs, &made.commands,
                            &made.paths, &made.operations})
    EXPECT_EQ(sum_of(*table), 13U);
  std::vector<std::uint64_t> spans;
  for (const auto& span : made.spans)
    spans.push_back(span.by_outcome[0] + span.by_outcome[1] + span.by_outcome[2]);
  EXPECT_THAT(spans, ElementsAre(7U, 4U, 2U));
}

TEST_F(ReportTest, FiltersByTimePolicyAndPerson) {
  {
    auto trail = open();
    tell_some(*trail, "alice", "shop", "/srv/shop/conf", 7);
    tell_some(*trail, "bob", "shop", "/srv/shop/data", 4, 3'600);
    tell_some(*trail, "alice", "mail", "/srv/mail", 2, 7'300);
  }
  RecordFilter filter;
  filter.since = moment(2);
  filter.until = moment(3'600'000'002);
  EXPECT_EQ(report(filter).all.violations, 7U);
  EXPECT_EQ(report(filter).all.incidents, 2U);
  filter.policy = "mail";
  EXPECT_EQ(report(filter).all.violations, 0U);
  filter = {};
  filter.policy = "shop";
  EXPECT_THAT(keys_of(report(filter).people), ElementsAre("alice 7", "bob 4"));
  filter.login = "bob";
  EXPECT_THAT(keys_of(report(filter).policies), ElementsAre("shop 4"));
  filter = {};
  filter.since = moment(900'000'000'000);
  EXPECT_EQ(report(filter).all.violations, 0U);
  EXPECT_EQ(report(filter).oldest, moment(0));
  filter = {};
  filter.until = moment(-1'000'000'000);
  EXPECT_EQ(report(filter).all.violations, 0U);
}

TEST_F(ReportTest, KeysWithoutARowAreAddedUp) {
  {
    auto trail = open();
    for (int i = 0; i < 30; ++i)
      tell_some(*trail, "person-" + std::to_string(i), "shop", "/srv/shop/" + std::to_string(i),
                i + 1, i);
  }
  const auto made = report({}, 3);
  EXPECT_THAT(keys_of(made.people), ElementsAre("person-29 30", "person-28 29", "person-27 28"));
  EXPECT_EQ(made.people.more, 27U);
  EXPECT_EQ(sum_of(made.people), 465U);
  EXPECT_EQ(made.paths.rows.size(), 3U);
  EXPECT_EQ(sum_of(made.paths), 465U);
}

// Actors without a login: a service, or unknown.
TEST_F(ReportTest, CountsServicesAndUnknownActors) {
  {
    auto trail = open();
    auto v = git_violation("/srv/shop/a");
    v.actor = Actor();
    v.actor.edit().unit = "backup.service";
    tell(*trail, v);
    v.actor = Actor();
    v.actor.edit().fsuid = Uid{0};
    tell(*trail, v);
    v.actor = Actor();
    v.repeats = 5;
    tell(*trail, v);
    v.actor.edit().login_uid = Uid{1234};
    v.path = "/srv/shop/\xff\n<script>";
    tell(*trail, v);
  }
  const auto made = report();
  EXPECT_EQ(made.all.violations, 14U);
  std::vector<std::string> people;
  for (const auto& row : made.people.rows) people.push_back(row.kind + ':' + row.key);
  EXPECT_THAT(people, testing::UnorderedElementsAre(":", "person:1234", "service:backup.service",
                                                    "user:0"));
  EXPECT_THAT(keys_of(made.paths), ElementsAre("/srv/shop/a 8", "/srv/shop/\xff\n<script> 6"));
}

TEST_F(ReportTest, StopsWhenTheCallerDisconnects) {
  {
    auto trail = open();
    tell_some(*trail, "alice", "shop", "/srv/shop/conf", 3'000);
  }
  std::stop_source stop;
  stop.request_stop();
  const auto made = make_report(path(), {}, 10, stop.get_token());
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().text(), HasSubstr("the caller has disconnected"));
}

TEST(Ranking, KeepsFrequentKeysAndTheTotal) {
  Ranking ranking;
  std::uint64_t told = 0;
  for (int i = 0; i < 100'000; ++i) {
    ranking.make_room();
    for (const auto& key : {std::string("often"), "once-" + std::to_string(i)}) {
      ranking.add(ranking.index_of(key), Tally::TimePoint(), Outcome::kFixed, 1, i);
      ++told;
    }
  }
  const auto table = ranking.table(5);
  EXPECT_EQ(table.rows.front().key, "often");
  EXPECT_EQ(table.rows.front().tally.violations, 100'000U);
  EXPECT_EQ(table.rows.front().tally.incidents, 100'000U);
  EXPECT_EQ(sum_of(table), told);
  EXPECT_EQ(table.more, 99'996U);
}

TEST(PathTree, FrequentPathsGetARow) {
  PathTree tree;
  const auto add = [&](const std::string& path, int times) {
    for (int i = 0; i < times; ++i) tree.add(path, Tally::TimePoint(), Outcome::kFixed, 1, 1);
  };
  for (int i = 0; i < 100; ++i) add("/srv/shop/data/" + std::to_string(i), 1);
  add("/srv/shop/conf/key", 50);
  add("/srv/mail/box", 20);
  EXPECT_THAT(keys_of(tree.table(10)),
              ElementsAre("/srv/shop/data 100", "/srv/shop/conf/key 50", "/srv/mail/box 20"));
  EXPECT_THAT(keys_of(tree.table(2)), ElementsAre("/srv/shop 150", "/srv/mail/box 20"));
  EXPECT_THAT(keys_of(tree.table(1)), ElementsAre("/srv 170"));
  EXPECT_TRUE(tree.table(0).rows.empty());
}

TEST(PathTree, IsBounded) {
  PathTree tree;
  std::uint64_t told = 0;
  const std::string deep(6'000, 'x');
  std::string down;
  for (int i = 0; i < 2'000; ++i) down += "/x";
  for (int i = 0; i < 200'000; ++i) {
    tree.add("/srv/" + std::to_string(i % 100) + "/" + std::to_string(i), Tally::TimePoint(),
             Outcome::kFixed, 1, i);
    tree.add("/srv/hot", Tally::TimePoint(), Outcome::kFixed, 1, i);
    told += 2;
  }
  for (const auto& path : {down, "/srv/" + deep, std::string("/"), std::string("no slash"),
                           std::string(), std::string("//a//")}) {
    tree.add(path, Tally::TimePoint(), Outcome::kLogged, 1, 0);
    ++told;
  }
  const auto table = tree.table(10);
  EXPECT_EQ(sum_of(table), told);
  EXPECT_THAT(keys_of(table), testing::Contains("/srv/hot 200000"));
  for (const auto& row : table.rows) EXPECT_LE(row.key.size(), PathTree::kLongest);
}

}  // namespace
}  // namespace guard
