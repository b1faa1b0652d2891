#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include "guardd/audit/schema.h"
#include "guardd/audit/trail.h"
#include "policy/record/fields.h"
#include "tests/unit/audit_fixture.h"

namespace guard {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

// A violation with a different value in every field.
Violation full_violation() {
  auto v = git_violation("/srv/shop/a\n\xff,b");
  v.incident = "incident1";
  v.boot_id = "0123456789abcdef";
  v.monotonic_us = 1234567;
  v.policy_line = 17;
  v.generation = 3;
  v.backend = Backend::kLsm;
  v.severity = Severity::kHigh;
  v.category = "service";
  v.guard = Guard::kContent;
  v.operation = Operation::kRename;
  v.old_path = "/tmp/\xfe";
  v.file_type = FileType::kDirectory;
  v.links = 2;
  v.before = Ownership{Uid{1}, Gid{2}, Mode{0600}};
  v.after = Ownership{Uid{3}, Gid{4}, Mode{0640}};
  v.mode_wanted = Mode{0750};
  v.reason = "it is so";
  v.repeats = 5;
  auto& actor = v.actor.edit();
  actor.tid = 301;
  actor.ppid = 200;
  actor.cwd = "/root/\xfd";
  actor.tty = "pts/1";
  actor.euid = Uid{11};
  actor.fsuid = Uid{12};
  actor.gid = Gid{13};
  actor.session = 7;
  actor.unit = "session-7.scope";
  actor.slice = "user-1000.slice";
  actor.cgroup = "/user.slice/user-1000.slice/session-7.scope";
  actor.session_id = "c7";
  actor.session_service = "sshd";
  actor.session_tty = "pts/0";
  actor.session_remote_host = "192.0.2.7";
  actor.container = "c0ffee";
  actor.container_runtime = "podman";
  actor.container_name = "db";
  actor.image = "localhost/postgres:16";
  actor.pod = "shop/db-0";
  actor.cron_uid = Uid{33};
  actor.cron_user = "www-data";
  actor.label = "backup";
  actor.hint_sudo_user = "alice";
  actor.hint_ssh = "192.0.2.7 5000";
  actor.human = "Alice";
  actor.human_source = "login";
  const auto git = process_of(actor);
  acts(actor, git, {process(250, "bash", "bash deploy.sh"), process(1, "systemd")});
  actor.egid = Gid{5};
  actor.uid_name = actor.euid_name = actor.fsuid_name = "root";
  actor.gid_name = actor.egid_name = "tty";
  actor.command.cwd = "/srv/shop";
  v.host = "web1";
  v.machine_id = "feed";
  v.times = ObjectTimes{12, 1795183387250000000, 1795183388250000000, 1795183389250000000};
  v.owner_before = v.group_before = "root";
  v.owner_after = v.group_after = "shop";
  v.owner_in_container = "postgres";
  v.user_in_container = "root";
  return v;
}

void expect_same(const Violation& a, const Violation& b) {
  const FieldSet all = FieldSet().set();
  const auto common = common_fields(a, b, all);
  for (std::size_t i = 0; i < kFieldCount; ++i) EXPECT_TRUE(common[i]) << kFields[i].name;
  EXPECT_EQ(a.owner_wanted, b.owner_wanted);
  EXPECT_EQ(a.group_wanted, b.group_wanted);
  EXPECT_EQ(a.repeats, b.repeats);
}

TEST_F(AuditTest, StoresEveryField) {
  const auto told = full_violation();
  Incident incident;
  incident.id = told.incident;
  incident.first = told;
  open()->violation(told, incident);
  const auto kept = all();
  ASSERT_THAT(kept, SizeIs(1));
  for (std::size_t i = 0; i < kFieldCount; ++i)
    EXPECT_NE(kFields[i].value(told), FieldValue()) << kFields[i].name << " is not tested";
  expect_same(kept.front(), told);
}

TEST_F(AuditTest, UnknownFieldsStayAbsent) {
  Violation told;
  told.incident = "incident1";
  told.time = moment();
  Incident incident;
  incident.id = told.incident;
  incident.first = told;
  open()->violation(told, incident);
  const auto kept = all();
  ASSERT_THAT(kept, SizeIs(1));
  expect_same(kept.front(), told);
  EXPECT_FALSE(kept.front().actor->login_uid);
  EXPECT_FALSE(kept.front().before);
}

TEST_F(AuditTest, StoresTheEndOfAnIncident) {
  {
    const auto trail = open();
    for (int i = 0; i < 3; ++i) {
      auto one = git_violation("/srv/shop/" + std::to_string(i));
      one.time = moment(i * 1000);
      if (i == 2) one.action = Outcome::kSkipped;
      tell(*trail, one);
    }
    close_all(*trail);
  }
  const auto kept = incidents();
  ASSERT_THAT(kept, SizeIs(1));
  const auto& incident = kept.front().incident;
  EXPECT_TRUE(kept.front().is_closed);
  EXPECT_EQ(incident.count, 3U);
  EXPECT_EQ(incident.first_seen, moment());
  EXPECT_EQ(incident.last_seen, moment(2000));
  EXPECT_EQ(incident.command, process(300, "git", "git pull"));
  EXPECT_THAT(incident.sample, ElementsAre("/srv/shop/0", "/srv/shop/1", "/srv/shop/2"));
  EXPECT_THAT(incident.by_outcome, ElementsAre(0, 2, 0, 1));
  EXPECT_TRUE(incident.shared[5]);    // policy
  EXPECT_FALSE(incident.shared[14]);  // path
  EXPECT_EQ(incident.first.path, "/srv/shop/0");
  EXPECT_EQ(incident.first.incident, incident.id);
  EXPECT_THAT(incident.first.actor->lineage, SizeIs(4));
}

TEST_F(AuditTest, AnUnclosedIncidentKeepsItsLastState) {
  {
    const auto trail = open();
    for (const char* path : {"/srv/shop/a", "/srv/shop/b"}) tell(*trail, git_violation(path));
  }
  const auto kept = incidents();
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_FALSE(kept.front().is_closed);
  EXPECT_EQ(kept.front().incident.count, 2U);
  EXPECT_THAT(kept.front().incident.sample, ElementsAre("/srv/shop/a", "/srv/shop/b"));
  open();  // by a guardd that does not know the incident
  EXPECT_TRUE(incidents().front().is_closed);
}

TEST_F(AuditTest, IsPrivate) {
  open();
  struct stat facts {};
  ASSERT_EQ(::stat(path().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
}

TEST_F(AuditTest, ReturnsTheLastNames) {
  tell(*open(), git_violation());
  const auto kept = all();
  ASSERT_THAT(kept, SizeIs(1));
  const auto trail = open();
  EXPECT_EQ(trail->last_names().violation, kept.front().id);
  EXPECT_EQ(trail->last_names().incident, kept.front().incident);
}

// One process per file, as with find -exec.
Violation of_a_child(const std::string& path, std::int32_t pid) {
  auto one = git_violation(path);
  auto above = one.actor->lineage;
  above.insert(above.begin(), process(300, "find", "find . -exec touch {} ;"));
  acts(one.actor.edit(), process(pid, "touch", "touch " + path), std::move(above));
  return one;
}

TEST_F(AuditTest, AnIncidentCanHaveAnyNumberOfActors) {
  constexpr int kMany = 6'000;
  {
    const auto trail = open();
    for (int i = 0; i < kMany; ++i) {
      auto one = of_a_child("/srv/shop/" + std::to_string(i), 10'000 + i);
      one.time = moment(i);
      tell(*trail, one);
    }
  }
  const auto kept = all();
  ASSERT_EQ(kept.size(), kMany);
  for (int i = 0; i < kMany; ++i) {
    const auto& one = kept[static_cast<std::size_t>(i)];
    ASSERT_EQ(one.actor->pid, 10'000 + kMany - 1 - i);
    ASSERT_EQ(one.actor->lineage.size(), 5U);
  }
  EXPECT_EQ(incidents().size(), 1U);
}

TEST_F(AuditTest, MigratesStepByStep) {
  auto database = Database::open(path());
  ASSERT_TRUE(database);
  const std::array<const char*, 3> steps{"CREATE TABLE t (a); INSERT INTO t VALUES (1)",
                                         "ALTER TABLE t ADD COLUMN b; UPDATE t SET b = a + 1",
                                         "UPDATE t SET a = 9; SELECT no_such"};
  ASSERT_TRUE(migrate(*database, std::span(steps).first(1)));
  EXPECT_EQ(*database->number("PRAGMA user_version"), 1);
  ASSERT_TRUE(migrate(*database, std::span(steps).first(2)));
  ASSERT_TRUE(migrate(*database, std::span(steps).first(2)));
  EXPECT_EQ(*database->number("SELECT b FROM t"), 2);
  EXPECT_FALSE(migrate(*database, steps));
  EXPECT_EQ(*database->number("PRAGMA user_version"), 2);
  EXPECT_EQ(*database->number("SELECT a FROM t"), 1);
  EXPECT_FALSE(migrate(*database, std::span(steps).first(1)));
}

TEST_F(AuditTest, AnEmptyFileBecomesATrail) {
  std::ofstream(path()).close();
  tell(*open(), git_violation());
  EXPECT_THAT(all(), SizeIs(1));
  auto database = Database::open_to_read(path());
  ASSERT_TRUE(database);
  EXPECT_EQ(*database->number("PRAGMA auto_vacuum"), 2);
  EXPECT_EQ(*database->number("PRAGMA user_version"), 5);
}

TEST_F(AuditTest, RejectsANewerVersion) {
  open();
  {
    auto database = Database::open(path());
    ASSERT_TRUE(database && database->run("PRAGMA user_version = 99"));
  }
  EXPECT_THAT(rejection(), HasSubstr("newer guardd (version 99)"));
  const auto reading = TrailReader::open(path());
  ASSERT_FALSE(reading);
  EXPECT_THAT(reading.error().text(), HasSubstr("newer guardd"));
}

TEST_F(AuditTest, RemovesOldRecords) {
  const auto now = std::chrono::system_clock::now();
  {
    const auto trail = open();
    for (int i = 0; i < 2'000; ++i) {
      auto one = git_violation("/srv/shop/" + std::to_string(i));
      one.time = now - 48h;
      tell(*trail, one);
    }
    close_all(*trail);
    auto young = git_violation("/srv/shop/young");
    young.time = now;
    tell(*trail, young);
  }
  ASSERT_THAT(incidents(), SizeIs(2));
  const auto trail = open({24h, kRoomy.max_size});
  EXPECT_TRUE(eventually([&] { return incidents().size() == 1; }));
  EXPECT_THAT(paths_in(all()), ElementsAre("/srv/shop/young"));
  auto database = Database::open_to_read(path());
  ASSERT_TRUE(database);
  for (const char* table : {"chapters", "kinds", "actors", "settings"})
    EXPECT_EQ(*database->number((std::string("SELECT count(*) FROM ") + table).c_str()), 1)
        << table;
}

TEST_F(AuditTest, RemovesExcessRecordsOldestFirst) {
  constexpr std::uint64_t kMost = 4U << 20U;
  const std::string long_name(200, 'n');
  int number = 0;
  const auto trail = open({kRoomy.retention, kMost});
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 5'000; ++i, ++number) {
      auto one = of_a_child("/srv/shop/" + long_name + std::to_string(number), 1000 + number);
      one.time = moment(number);
      tell(*trail, one);
    }
    ASSERT_TRUE(eventually([&] { return is_newest(number - 1); }));
    EXPECT_TRUE(eventually([&] { return std::filesystem::file_size(path()) <= kMost; }));
    EXPECT_LE(std::filesystem::file_size(path() + "-wal"), 64U << 20U);
  }
  ASSERT_TRUE(is_at_rest());
  const auto kept = all();
  ASSERT_GT(kept.size(), 1'000U);
  EXPECT_LT(kept.size(), 16'000U);
  EXPECT_EQ(kept.back().time, moment(number - static_cast<int>(kept.size())));
  EXPECT_EQ(incidents().size(), 1U);
  EXPECT_EQ(incidents().front().incident.first.time, moment(0));
  EXPECT_EQ(trail->dropped().queue_full + trail->dropped().disk, 0U);
}

// Each policy keeps its share, however much another one adds.
TEST_F(AuditTest, AFloodOfOnePolicyRemovesNoRecordsOfOthers) {
  constexpr std::uint64_t kMost = 4U << 20U;
  const std::string long_name(200, 'n');
  const auto trail = open({kRoomy.retention, kMost});
  for (int i = 0; i < 500; ++i) {
    auto one = git_violation("/srv/other/" + std::to_string(i));
    one.policy = "other";
    one.time = moment(i);
    tell(*trail, one);
  }
  for (int round = 0, number = 0; round < 4; ++round) {
    for (int i = 0; i < 5'000; ++i, ++number) {
      auto one = of_a_child("/srv/shop/" + long_name + std::to_string(number), 1000 + number);
      one.time = moment(1'000 + number);
      tell(*trail, one);
    }
    ASSERT_TRUE(eventually([&] { return is_newest(1'000 + number - 1); }));
    EXPECT_TRUE(eventually([&] { return std::filesystem::file_size(path()) <= kMost; }));
  }
  EXPECT_TRUE(eventually([&] { return rows() < 16'000; }));
  EXPECT_TRUE(is_at_rest());
  RecordFilter of_other;
  of_other.policy = "other";
  EXPECT_THAT(all(of_other), SizeIs(500));
  EXPECT_LT(all().size(), 16'000U);
}

TEST_F(AuditTest, APolicyHasASizeOfItsOwn) {
  constexpr std::uint64_t kMostOfAPolicy = 300'000;
  const auto trail = open({kRoomy.retention, kRoomy.max_size, UINT32_MAX, kMostOfAPolicy});
  for (int i = 0; i < 3'000; ++i) {
    auto one = git_violation("/srv/shop/" + std::to_string(i));
    one.time = moment(i);
    tell(*trail, one);
  }
  ASSERT_TRUE(eventually([&] { return is_newest(2'999); }));
  EXPECT_TRUE(eventually([&] { return rows() <= 1'000; }));
  EXPECT_EQ(all().front().time, moment(2'999));
  EXPECT_GE(trail->removed()["shop"], 2'000U);
}

TEST(RowBudget, LeavesOutRepeatedRepairsFirst) {
  RowBudget budget;
  budget.set_limit(100);
  const RowBudget::Time start{std::chrono::hours(1)};
  auto repair = git_violation("/srv/shop/a");
  repair.action = Outcome::kFixed;
  int stored = 0;
  for (int i = 0; i < 100; ++i) stored += budget.take(repair, 1, start) ? 1 : 0;
  EXPECT_EQ(stored, 50);
  for (int i = 0; i < 100; ++i)
    stored += budget.take(git_violation("/srv/shop/" + std::to_string(i)), 1, start) ? 1 : 0;
  EXPECT_EQ(stored, 100);
  EXPECT_EQ(budget.dropped(), 100U);
  EXPECT_EQ(budget.dropped_by_policy(), (BeyondLimit{{"shop", 100}}));
  auto other = git_violation("/srv/other/a");
  other.policy = "other";
  EXPECT_TRUE(budget.take(other, 1, start));
  ASSERT_THAT(budget.shortcomings(start), SizeIs(1));
  EXPECT_THAT(budget.shortcomings(start).front(), ::testing::HasSubstr("audit_rows = 100"));
  EXPECT_TRUE(budget.work(start));
  // A minute later, all is as before.
  const auto later = start + std::chrono::seconds(61);
  EXPECT_THAT(budget.shortcomings(later), SizeIs(0));
  EXPECT_TRUE(budget.work(later));
  EXPECT_TRUE(budget.take(repair, 1, later));
}

TEST(TrailPath, FollowsTheSetting) {
  EXPECT_EQ(trail_path("", "/var/lib/guardd"), "/var/lib/guardd/audit.db");
  EXPECT_EQ(trail_path("/tmp", "/var/lib/guardd"), "/tmp/audit.db");
  EXPECT_EQ(trail_path("/no/such/", "/var/lib/guardd"), "/no/such/audit.db");
  EXPECT_EQ(trail_path("/no/such/trail.db", "/var/lib/guardd"), "/no/such/trail.db");
}

}  // namespace
}  // namespace guard
