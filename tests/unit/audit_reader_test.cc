#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <thread>

#include <nlohmann/json.hpp>

#include "guardd/audit/export.h"
#include "guardd/audit/reader.h"
#include "guardd/publish/json_publisher.h"
#include "tests/unit/audit_fixture.h"

namespace guard {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

// Three users, three commands, three policies.
class AuditFilterTest : public AuditTest {
 protected:
  void SetUp() override {
    AuditTest::SetUp();
    const auto trail = open();
    auto alice = git_violation("/srv/shop/conf/a");
    tell(*trail, alice);
    alice.path = "/srv/shop/conf-old/b";
    alice.time = moment(1'000'000);
    tell(*trail, alice);

    auto bob = git_violation("/srv/shop/conf");
    bob.time = moment(2'000'000);
    bob.actor.edit().login_uid = Uid{1001};
    bob.actor.edit().login_user = "bob";
    bob.severity = Severity::kHigh;
    acts(bob.actor.edit(), process(600, "cp", "cp -r x conf"), {process(500, "bash", "-bash")});
    tell(*trail, bob);

    auto cron = git_violation("/srv/wiki/\xff");
    cron.time = moment(3'000'000);
    cron.policy = "wiki";
    cron.severity = Severity::kCritical;
    cron.actor.edit().login_uid.reset();
    cron.actor.edit().login_user.reset();
    cron.actor.edit().unit = "cron.service";
    cron.actor.edit().human = "carol";
    acts(cron.actor.edit(), process(700, "touch", "touch x"), {process(1, "systemd")});
    tell(*trail, cron);
    close_all(*trail);
  }
  std::vector<std::string> found(const RecordFilter& filter) const { return paths_in(all(filter)); }
  std::size_t incidents_found(const RecordFilter& filter) const { return incidents(filter).size(); }

  const std::string a_ = "/srv/shop/conf/a";
  const std::string b_ = "/srv/shop/conf-old/b";
  const std::string c_ = "/srv/shop/conf";
  const std::string d_ = "/srv/wiki/\xff";
};

TEST_F(AuditFilterTest, NewestFirst) {
  EXPECT_THAT(found({}), ElementsAre(d_, c_, b_, a_));
  RecordFilter filter;
  filter.limit = 2;
  EXPECT_THAT(found(filter), ElementsAre(d_, c_));
  EXPECT_EQ(incidents_found(filter), 2U);
}

TEST_F(AuditFilterTest, ByTime) {
  RecordFilter filter;
  filter.since = moment(1'000'000);
  filter.until = moment(3'000'000);
  EXPECT_THAT(found(filter), ElementsAre(c_, b_));
  EXPECT_EQ(incidents_found(filter), 2U);
  filter.policy = "shop";
  EXPECT_THAT(found(filter), ElementsAre(c_, b_));
  filter.path = "/srv/shop/conf";
  EXPECT_THAT(found(filter), ElementsAre(c_));
}

TEST_F(AuditFilterTest, ByPolicyAndSeverity) {
  RecordFilter filter;
  filter.policy = "shop";
  EXPECT_THAT(found(filter), ElementsAre(c_, b_, a_));
  EXPECT_EQ(incidents_found(filter), 2U);
  filter.severity = Severity::kHigh;
  EXPECT_THAT(found(filter), ElementsAre(c_));
  filter.policy.clear();
  EXPECT_THAT(found(filter), ElementsAre(d_, c_));
}

// A script that ran two commands, and a service.
TEST_F(AuditTest, FiltersFindTheViolationsThemselves) {
  const std::vector<Ancestor> above{process(200, "bash", "bash deploy.sh"),
                                    process(100, "bash", "-bash")};
  {
    const auto trail = open();
    const auto add = [&](const std::string& path, const Ancestor& self, Outcome outcome,
                         const std::string& category, const std::string& unit) {
      auto one = git_violation(path);
      acts(one.actor.edit(), self, above);
      one.action = outcome;
      one.category = category;
      if (!unit.empty()) one.actor.edit().unit = unit;
      tell(*trail, one);
    };
    add("/srv/shop/a.tmp", process(300, "cp", "cp x a.tmp"), Outcome::kFixed, "web", "");
    add("/srv/shop/b/c.tmp", process(301, "rsync", "rsync -a y b"), Outcome::kSkipped, "web", "");
    add("/srv/shop/d", process(302, "cp", "cp x d"), Outcome::kFixed, "database", "a.service");
    close_all(*trail);
  }
  const auto found = [&](auto set) {
    RecordFilter filter;
    set(filter);
    EXPECT_EQ(incidents(filter).size(), all(filter).empty() ? 0U : 1U);
    return paths_in(all(filter));
  };
  const std::string a = "/srv/shop/a.tmp";
  const std::string c = "/srv/shop/b/c.tmp";
  const std::string d = "/srv/shop/d";
  EXPECT_THAT(found([](auto& f) { f.command = "cp"; }), ElementsAre(d, a));
  EXPECT_THAT(found([](auto& f) { f.command = "rsync -a"; }), ElementsAre(c));
  EXPECT_THAT(found([](auto& f) { f.command = "/usr/bin/rsync"; }), ElementsAre(c));
  EXPECT_THAT(found([](auto& f) { f.command = "bash"; }), ElementsAre());
  EXPECT_THAT(found([](auto& f) { f.outcome = Outcome::kFixed; }), ElementsAre(d, a));
  EXPECT_THAT(found([](auto& f) { f.category = "web"; }), ElementsAre(c, a));
  EXPECT_THAT(found([](auto& f) { f.unit = "a.service"; }), ElementsAre(d));
  EXPECT_THAT(found([](auto& f) { f.path = "/srv/*.tmp"; }), ElementsAre(c, a));
  EXPECT_THAT(found([](auto& f) { f.path = "/srv/shop/?"; }), ElementsAre(d));
  EXPECT_THAT(found([](auto& f) { f.path = "*[cd]*"; }), ElementsAre(d, c));
  EXPECT_THAT(found([](auto& f) {
                f.path = "/srv/shop";
                f.command = "cp";
                f.category = "web";
              }),
              ElementsAre(a));
  // The incident has them all.
  const auto kept = incidents();
  ASSERT_THAT(kept, SizeIs(1));
  const auto& incident = kept.front().incident;
  ASSERT_THAT(incident.commands, SizeIs(3));
  EXPECT_EQ(incident.commands[1].command.cmdline, "rsync -a y b");
  EXPECT_EQ(incident.directory, "/srv/shop");
  EXPECT_THAT(incident.first.actor->via, ElementsAre("bash deploy.sh"));
}

TEST_F(AuditFilterTest, ByPerson) {
  RecordFilter filter;
  filter.login = "alice";
  EXPECT_THAT(found(filter), ElementsAre(b_, a_));
  EXPECT_EQ(incidents_found(filter), 1U);
  filter.login = "1001";
  EXPECT_THAT(found(filter), ElementsAre(c_));
  filter.login = "carol";
  EXPECT_THAT(found(filter), ElementsAre(d_));
  filter.login = "nobody";
  EXPECT_THAT(found(filter), ElementsAre());
}

TEST_F(AuditFilterTest, ByCommand) {
  RecordFilter filter;
  for (const char* command : {"git p", "git", "/usr/bin/git", "git pull"}) {
    filter.command = command;
    EXPECT_THAT(found(filter), ElementsAre(b_, a_)) << command;
    EXPECT_EQ(incidents_found(filter), 1U) << command;
  }
  filter.command = "bash";
  EXPECT_THAT(found(filter), ElementsAre());
}

TEST_F(AuditFilterTest, ByPath) {
  RecordFilter filter;
  filter.path = "/srv/shop/conf";
  EXPECT_THAT(found(filter), ElementsAre(c_, a_));
  EXPECT_EQ(incidents_found(filter), 2U);
  filter.login = "alice";
  EXPECT_THAT(found(filter), ElementsAre(a_));
  filter.login.clear();
  filter.path = "/srv/wiki/\xff/";
  EXPECT_THAT(found(filter), ElementsAre(d_));
  filter.path = "/";
  EXPECT_THAT(found(filter), ElementsAre(d_, c_, b_, a_));
}

TEST_F(AuditFilterTest, ByIncident) {
  RecordFilter filter;
  filter.incident = all().back().incident;
  EXPECT_THAT(found(filter), ElementsAre(b_, a_));
  EXPECT_EQ(incidents_found(filter), 1U);
  filter.incident = "no such";
  EXPECT_THAT(found(filter), ElementsAre());
}

TEST_F(AuditFilterTest, StopsAtTheLimit) {
  auto reading = reader();
  int told = 0;
  EXPECT_TRUE(reading.violations({}, [&](const Violation&) { return ++told < 2; }));
  EXPECT_EQ(told, 2);
}

TEST_F(AuditFilterTest, FixesAreLastFirst) {
  const auto incident = all().back().incident;
  const auto fixes = reader().fixes_of(incident);
  ASSERT_TRUE(fixes);
  ASSERT_THAT(*fixes, SizeIs(2));
  EXPECT_EQ(fixes->front().path, b_);
  EXPECT_EQ(fixes->front().policy, "shop");
  EXPECT_EQ(fixes->front().incident, incident);
  EXPECT_EQ(fixes->front().time, moment(1'000'000));
  EXPECT_EQ(fixes->front().object, (InodeId{64769, 131}));
  EXPECT_EQ(fixes->front().before.uid, Uid{0});
  EXPECT_EQ(fixes->front().after.uid, Uid{4242});
}

// Many pages, alternating users, equal and decreasing times.
TEST_F(AuditTest, PagesHaveNoGapsOrOverlaps) {
  constexpr int kMany = 3500;
  {
    const auto trail = open();
    for (int i = 0; i < kMany; ++i) {
      auto one = git_violation("/srv/shop/" + std::to_string(i));
      one.time = moment(i / 7 * 10 - i % 3 * 40);
      one.actor.edit().human = std::to_string(i % 5);
      one.policy = i % 2 == 0 ? "even" : "odd";
      tell(*trail, one);
    }
  }
  const auto every = all();
  ASSERT_THAT(every, SizeIs(kMany));
  EXPECT_TRUE(std::is_sorted(every.begin(), every.end(),
                             [](const auto& a, const auto& b) { return a.time > b.time; }));
  for (const auto& policy : {"even", "odd"}) {
    RecordFilter filter;
    filter.policy = policy;
    std::vector<Violation> wanted;
    std::copy_if(every.begin(), every.end(), std::back_inserter(wanted),
                 [&](const auto& each) { return each.policy == policy; });
    EXPECT_EQ(paths_in(all(filter)), paths_in(wanted));
    filter.path = "/srv/shop";
    EXPECT_EQ(paths_in(all(filter)), paths_in(wanted));
  }
}

TEST_F(AuditTest, SearchesByTimeBelowAPathWithTooManyViolations) {
  constexpr int kMany = 21'000;
  {
    const auto trail = open();
    for (int i = 0; i < kMany; ++i) {
      auto one = git_violation((i % 100 == 0 ? "/srv/rare/" : "/srv/shop/") + std::to_string(i));
      one.time = moment(i);
      tell(*trail, one);
      if (i % 5'000 == 0) std::this_thread::sleep_for(700ms);  // else the queue would overflow
    }
  }
  RecordFilter filter;
  filter.path = "/srv/shop";
  filter.limit = 2;
  EXPECT_THAT(paths_in(all(filter)), ElementsAre("/srv/shop/20999", "/srv/shop/20998"));
  filter.policy = "shop";
  EXPECT_THAT(paths_in(all(filter)), ElementsAre("/srv/shop/20999", "/srv/shop/20998"));
}

class Both final : public Publisher {
 public:
  Both(Publisher& first, Publisher& second) : all_{&first, &second} {}
  void incident_opened(const Incident& incident) noexcept override {
    for (auto* each : all_) each->incident_opened(incident);
  }
  void violation(const Violation& violation, const Incident& incident) noexcept override {
    for (auto* each : all_) each->violation(violation, incident);
  }
  void incident_closed(const Incident& incident) noexcept override {
    for (auto* each : all_) each->incident_closed(incident);
  }

 private:
  std::array<Publisher*, 2> all_;
};

TEST_F(AuditTest, ExportsTheLinesThatWereLogged) {
  std::vector<std::string> logged;
  JsonPublisher json([&](std::string line) { logged.push_back(std::move(line)); }, MachineIds(),
                     JsonLine::Charset::kUtf8);
  {
    const auto trail = open();
    Both both(json, *trail);
    tell(both, git_violation("/srv/shop/a\n\xff"));
    close_all(both);
  }
  ASSERT_THAT(logged, SizeIs(3));
  EXPECT_EQ(exported(export_violations_json), logged[1]);
  EXPECT_EQ(exported(export_incidents_json), logged[2]);
  const auto line = nlohmann::json::parse(logged[1]);
  EXPECT_TRUE(line.contains("path_raw"));
}

TEST_F(AuditTest, ExportsATable) {
  {
    const auto trail = open();
    auto one = git_violation("/srv/shop/a,\"b\"\n\xff");
    one.actor.edit().cmdline = "=cmd|' /C calc'!A0";
    one.category = "+1";
    tell(*trail, one);
  }
  const auto table = exported(export_violations_csv);
  EXPECT_THAT(table, testing::StartsWith("id,incident,time,boot_id,"));
  EXPECT_THAT(table, testing::EndsWith("\r\n"));
  EXPECT_THAT(table, HasSubstr(",\"/srv/shop/a,\"\"b\"\"\\n\\xff\","));
  EXPECT_THAT(table, HasSubstr(",'=cmd|' /C calc'!A0,"));
  EXPECT_THAT(table, HasSubstr(",'+1,"));
  EXPECT_THAT(table, HasSubstr(",0644,"));
  EXPECT_THAT(table, HasSubstr(",sudo git pull [200] < -bash [100] < "));
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 2);
}

}  // namespace
}  // namespace guard
