// Journal entries: the fields of the contract for any file name, at a bounded rate.
#include "guardd/publish/journal_publisher.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <map>

#include "guardd/publish/journal_socket.h"
#include "guardd/publish/line_queue.h"
#include "policy/base/handle.h"
#include "tests/unit/journal_entries.h"
#include "tests/unit/records.h"

namespace guard {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using SteadyClock = std::chrono::steady_clock;

class JournalTest : public testing::Test {
 protected:
  JournalPublisher make(JournalPublisher::Limits limits = {}) {
    return {[this](const std::string& entry) { entries_.push_back(parsed(entry)); }, limits,
            [this](std::int32_t pid, std::uint64_t start) {
              return pid == living_ && start == static_cast<std::uint64_t>(pid) * 1000;
            },
            [this] { return now_; }};
  }
  static Incident incident_of(const Violation& violation, std::uint64_t count = 1) {
    Incident incident;
    incident.id = "012345678";
    incident.count = count;
    incident.first_seen = moment();
    incident.last_seen = moment(1'500'000);
    incident.command = process(300, "git", "git pull");
    incident.sample = {violation.path};
    incident.directory = "/srv/shop";
    incident.by_outcome[static_cast<std::size_t>(violation.action)] = count;
    incident.first = violation;
    incident.shared.set();
    return incident;
  }
  Fields of(const Violation& violation) {
    make().violation(violation, incident_of(violation));
    EXPECT_FALSE(entries_.empty());
    return entries_.empty() ? Fields() : entries_.back();
  }

  std::vector<Fields> entries_;
  std::int32_t living_ = 0;
  SteadyClock::time_point now_ = SteadyClock::now();
};

TEST_F(JournalTest, AViolationHasTheFieldsOfTheContract) {
  auto violation = git_violation();
  violation.incident = "012345678";
  violation.mode_wanted = Mode{0640};
  const auto fields = of(violation);
  const std::map<std::string, std::string> wanted{
      {"MESSAGE_ID", std::string(message_id::kViolation)},
      {"PRIORITY", "4"},
      {"SYSLOG_IDENTIFIER", "guardd"},
      {"GUARD_TYPE", "violation"},
      {"GUARD_ID", "0123456789"},
      {"GUARD_INCIDENT", "012345678"},
      {"GUARD_TIME", "2026-11-20T14:03:07.250000Z"},
      {"GUARD_POLICY", "shop"},
      {"GUARD_POLICY_FILE", "/etc/guardd/policies.d/shop.toml"},
      {"GUARD_POLICY_LINE", "1"},
      {"GUARD_GENERATION", "1"},
      {"GUARD_BACKEND", "fanotify"},
      {"GUARD_SEVERITY", "medium"},
      {"GUARD_GUARD", "ownership"},
      {"GUARD_OPERATION", "create"},
      {"GUARD_PATH", "/srv/shop/index.html"},
      {"GUARD_DEVICE", "64769"},
      {"GUARD_INODE", "131"},
      {"GUARD_FILE_TYPE", "file"},
      {"GUARD_LINKS", "1"},
      {"GUARD_UID_BEFORE", "0"},
      {"GUARD_MODE_BEFORE", "0644"},
      {"GUARD_UID_AFTER", "4242"},
      {"GUARD_UID_WANTED", "4242"},
      {"GUARD_GID_WANTED", "4242"},
      {"GUARD_MODE_WANTED", "0640"},
      {"GUARD_ACTION", "fixed"},
      {"GUARD_PID", "300"},
      {"GUARD_START_TIME", "300000"},
      {"GUARD_COMM", "git"},
      {"GUARD_EXE", "/usr/bin/git"},
      {"GUARD_CMDLINE", "git pull"},
      {"GUARD_UID", "0"},
      {"GUARD_LOGIN_UID", "1000"},
      {"GUARD_LOGIN_USER", "alice"},
      {"GUARD_OWNER", "shop"},
      {"GUARD_GROUP", "shop"},
      {"GUARD_ADVICE", "sudo -u shop git pull"},
      {"GUARD_COMMAND_CMDLINE", "git pull"},
      {"MESSAGE",
       "alice as root (git pull) left /srv/shop/index.html owned by root:root instead of "
       "shop:shop; guardd fixed it (policy shop)"},
  };
  for (const auto& [name, value] : wanted) EXPECT_EQ(one(fields, name), value) << name;
  EXPECT_THAT(all(fields, "GUARD_LINEAGE"),
              ElementsAre("200 sudo git pull", "100 -bash", "90 sshd", "1 systemd"));
  // Unknown fields are absent, and a raw path is present only if the other is escaped.
  for (const auto* name : {"GUARD_TTY", "GUARD_SESSION", "GUARD_PATH_RAW", "GUARD_OLD_PATH",
                           "GUARD_REASON", "GUARD_TRUNCATED", "OBJECT_PID"})
    EXPECT_EQ(fields.count(name), 0U) << name;
}

TEST_F(JournalTest, EveryFieldHasItsName) {
  auto violation = git_violation();
  const auto fields = of(violation);
  each_field(violation, FieldSet().set(), [&](std::string_view name, const FieldValue&) {
    std::string upper = "GUARD_";
    for (const char c : name) upper += static_cast<char>(std::toupper(c));
    if (name == "command") upper += "_CMDLINE";
    EXPECT_GT(fields.count(upper), 0U) << upper;
  });
}

TEST_F(JournalTest, NamesAreBytes) {
  const std::string raw = "/srv/shop/\xff\nPRIORITY=0\n\x01";
  auto fields = of(git_violation(raw));
  EXPECT_EQ(one(fields, "GUARD_PATH"), "/srv/shop/\\xff\\nPRIORITY=0\\n\\x01");
  EXPECT_EQ(one(fields, "GUARD_PATH_RAW"), raw);
  EXPECT_EQ(one(fields, "PRIORITY"), "4");
  EXPECT_THAT(one(fields, "MESSAGE"), HasSubstr("/srv/shop/\\xff\\nPRIORITY=0\\n\\x01"));

  const std::string text = "/srv/shop/ü\nMESSAGE_ID=x";
  fields = of(git_violation(text));
  EXPECT_EQ(one(fields, "GUARD_PATH"), text);
  EXPECT_EQ(fields.count("GUARD_PATH_RAW"), 0U);
  EXPECT_EQ(one(fields, "MESSAGE_ID"), message_id::kViolation);
  EXPECT_THAT(one(fields, "MESSAGE"), Not(HasSubstr("\n")));

  auto violation = git_violation();
  violation.actor.edit().comm = "\xfe";
  violation.actor.edit().cmdline = "git\nMESSAGE=owned";
  fields = of(violation);
  EXPECT_EQ(one(fields, "GUARD_COMM"), "\\xfe");
  EXPECT_EQ(one(fields, "GUARD_CMDLINE"), "git\nMESSAGE=owned");
}

TEST_F(JournalTest, LongValuesAreCutAndNamed) {
  auto violation = git_violation("/srv/shop/" + std::string(50'000, 'x'));
  violation.actor.edit().cmdline = std::string(50'000, 'y');
  const auto fields = of(violation);
  EXPECT_EQ(one(fields, "GUARD_PATH").size(), kLongestPath);
  EXPECT_EQ(one(fields, "GUARD_CMDLINE").size(), kLongestText);
  EXPECT_LT(one(fields, "MESSAGE").size(), 1000U);
  EXPECT_THAT(all(fields, "GUARD_TRUNCATED"), ElementsAre("path", "cmdline"));
}

TEST_F(JournalTest, TheObjectIsNamedOnlyWhileItIsRunning) {
  living_ = 300;
  EXPECT_EQ(one(of(git_violation()), "OBJECT_PID"), "300");
  auto another = git_violation();
  another.actor.edit().start_time = 299999;  // the pid was reused
  EXPECT_EQ(of(another).count("OBJECT_PID"), 0U);
  another.actor.edit().start_time.reset();
  EXPECT_EQ(of(another).count("OBJECT_PID"), 0U);
}

TEST_F(JournalTest, EachOutcomeHasItsIdAndPriority) {
  auto violation = git_violation();
  violation.action = Outcome::kDenied;
  auto fields = of(violation);
  EXPECT_EQ(one(fields, "MESSAGE_ID"), message_id::kDenied);
  EXPECT_EQ(one(fields, "PRIORITY"), "4");
  EXPECT_EQ(
      one(fields, "MESSAGE"),
      "guardd denied alice as root (git pull) permission to create /srv/shop/index.html; only "
      "shop may do that (policy shop)");

  violation.action = Outcome::kSkipped;
  violation.reason = "it has more than one name";
  fields = of(violation);
  EXPECT_EQ(one(fields, "MESSAGE_ID"), message_id::kNotFixed);
  EXPECT_EQ(one(fields, "PRIORITY"), "3");
  EXPECT_THAT(one(fields, "MESSAGE"), HasSubstr("did not fix it (policy shop): it has"));

  EXPECT_THAT(one(fields, "GUARD_REASON"), "it has more than one name");
}

TEST_F(JournalTest, LimitsTheEntriesPerSecond) {
  auto journal = make({.sample = 100, .rate = 3});
  const auto incident = incident_of(git_violation());
  journal.incident_opened(incident);
  for (int i = 0; i < 5; ++i) journal.violation(git_violation(), incident);
  journal.incident_closed(incident);
  EXPECT_EQ(entries_.size(), 3U);
  now_ += std::chrono::seconds(1);
  journal.incident_opened(incident);
  ASSERT_EQ(entries_.size(), 5U);
  EXPECT_EQ(one(entries_[3], "MESSAGE_ID"), message_id::kSuppressed);
  EXPECT_EQ(one(entries_[3], "GUARD_HELD_BACK"), "4");
  EXPECT_EQ(one(entries_[4], "MESSAGE_ID"), message_id::kIncidentOpened);
  for (int i = 0; i < 5; ++i) journal.violation(git_violation(), incident);
  publish(journal, StopNews{"SIGTERM", {}});
  ASSERT_EQ(entries_.size(), 9U);
  EXPECT_EQ(one(entries_[7], "GUARD_HELD_BACK"), "3");
  EXPECT_EQ(one(entries_[8], "MESSAGE_ID"), message_id::kStopped);
}

TEST_F(JournalTest, EveryOperationHasAVerb) {
  auto violation = git_violation();
  violation.guard = Guard::kContent;
  violation.action = Outcome::kLogged;
  for (std::size_t i = 0; i < Words<Operation>::kAll.size(); ++i) {
    violation.operation = static_cast<Operation>(i);
    EXPECT_THAT(one(of(violation), "MESSAGE"), testing::MatchesRegex(".* [a-zA-Z ]+ /srv/shop/.*"));
  }
}

TEST_F(JournalTest, LogsBothEndsOfAnIncident) {
  auto journal = make();
  auto incident = incident_of(git_violation(), 12);
  incident.by_outcome = {0, 10, 0, 2};
  incident.sample = {"/srv/shop/a", "/srv/shop/\xff"};
  journal.incident_opened(incident);
  auto fields = entries_.back();
  EXPECT_EQ(one(fields, "MESSAGE_ID"), message_id::kIncidentOpened);
  EXPECT_EQ(one(fields, "PRIORITY"), "5");
  EXPECT_EQ(one(fields, "GUARD_STATE"), "opened");
  EXPECT_EQ(one(fields, "MESSAGE"),
            "alice as root (git pull) is working on files that belong to shop below /srv/shop "
            "(policy shop); use instead: sudo -u shop git pull");
  journal.incident_closed(incident);
  fields = entries_.back();
  EXPECT_EQ(one(fields, "MESSAGE_ID"), message_id::kIncidentClosed);
  EXPECT_EQ(one(fields, "GUARD_COUNT"), "12");
  EXPECT_EQ(one(fields, "GUARD_TOTALS_FIXED"), "10");
  EXPECT_EQ(one(fields, "GUARD_TOTALS_SKIPPED"), "2");
  EXPECT_EQ(one(fields, "GUARD_POLICY"), "shop");
  EXPECT_THAT(all(fields, "GUARD_SAMPLE"), ElementsAre("/srv/shop/a", "/srv/shop/\\xff"));
  EXPECT_THAT(all(fields, "GUARD_SAMPLE_RAW"), ElementsAre("/srv/shop/\xff"));
  EXPECT_EQ(one(fields, "MESSAGE"),
            "alice as root (git pull) left 12 files below /srv/shop that should belong to shop: 10 "
            "fixed, 2 skipped, in 1.5 s (policy shop)");
}

TEST_F(JournalTest, LogsOnlyASampleIndividually) {
  auto journal = make({2, Severity::kInfo});
  for (std::uint64_t count = 1; count <= 10; ++count)
    journal.violation(git_violation(), incident_of(git_violation(), count));
  EXPECT_EQ(entries_.size(), 2U);
}

TEST_F(JournalTest, ViolationsBelowTheSeverityAreNotLoggedIndividually) {
  auto journal = make({5, Severity::kMedium});
  auto violation = git_violation();
  violation.severity = Severity::kLow;
  journal.violation(violation, incident_of(violation));
  EXPECT_TRUE(entries_.empty());
  journal.incident_opened(incident_of(violation));
  EXPECT_EQ(entries_.size(), 1U);
  violation.action = Outcome::kSkipped;
  journal.violation(violation, incident_of(violation));
  EXPECT_EQ(entries_.size(), 2U) << "a failed fix is always logged";
  journal.set_limits({5, Severity::kLow});
  violation.action = Outcome::kFixed;
  journal.violation(violation, incident_of(violation));
  EXPECT_EQ(entries_.size(), 3U);
}

TEST_F(JournalTest, LogsFailuresUpToARateAndCountsTheRest) {
  auto journal = make({1, Severity::kInfo});
  auto failure = git_violation();
  failure.action = Outcome::kSkipped;
  for (std::uint64_t count = 1; count <= 100; ++count)
    journal.violation(failure, incident_of(failure, count));
  EXPECT_EQ(entries_.size(), JournalPublisher::kFailuresPerSecond);
  now_ += 1s;
  journal.violation(failure, incident_of(failure, 101));
  ASSERT_EQ(entries_.size(), JournalPublisher::kFailuresPerSecond + 1);
  EXPECT_EQ(one(entries_.back(), "GUARD_FOLDED"), "95");
  EXPECT_THAT(one(entries_.back(), "MESSAGE"), HasSubstr("; 95 earlier failures were not logged"));
  now_ += 1s;
  journal.violation(failure, incident_of(failure, 102));
  EXPECT_EQ(entries_.back().count("GUARD_FOLDED"), 0U);
}

TEST_F(JournalTest, LogsNewsOfTheDaemon) {
  auto journal = make();
  publish(journal, ReadyNews{"1.0", Backend::kFanotify, 3, "abc", 2, 3, 1, 40});
  EXPECT_EQ(one(entries_.back(), "MESSAGE"),
            "guardd guards 2 policies in 3 trees, 40 directories, through fanotify; 1 not there "
            "yet");
  EXPECT_EQ(one(entries_.back(), "PRIORITY"), "6");
  publish(journal, ReadyNews{"1.0", Backend::kFanotify, 1, "abc", 0, 0, 0, 0});
  EXPECT_EQ(one(entries_.back(), "MESSAGE"),
            "guardd is ready, but nothing is guarded: there is no policy; guardctl suggest "
            "proposes policies for /etc/guardd/policies.d");
  publish(journal, ReloadNews{true, 4, "abc", 2, {}});
  EXPECT_EQ(one(entries_.back(), "MESSAGE_ID"), message_id::kReloaded);
  publish(journal, ReloadNews{false, 4, "abc", 2, {"a.toml:1:1: no", "b.toml:1:1: no"}});
  EXPECT_EQ(one(entries_.back(), "MESSAGE_ID"), message_id::kReloadDenied);
  EXPECT_EQ(one(entries_.back(), "PRIORITY"), "3");
  EXPECT_THAT(all(entries_.back(), "GUARD_ERRORS"),
              ElementsAre("a.toml:1:1: no", "b.toml:1:1: no"));
  EXPECT_THAT(one(entries_.back(), "MESSAGE"), HasSubstr("a.toml:1:1: no; and 1 more"));

  const auto health = [&](Health state, bool lost = false) {
    publish(journal, HealthNews{state, "so it is", {1, 2, 3, 4}, lost});
    return one(entries_.back(), "MESSAGE_ID");
  };
  EXPECT_EQ(health(Health::kDegraded), message_id::kDegraded);
  EXPECT_EQ(one(entries_.back(), "PRIORITY"), "4");
  EXPECT_EQ(one(entries_.back(), "GUARD_LOST"), "4");
  EXPECT_EQ(health(Health::kDisabled), message_id::kDisabled);
  EXPECT_EQ(health(Health::kPaused), message_id::kPaused);
  EXPECT_EQ(health(Health::kOk), message_id::kHealthy);
  EXPECT_EQ(one(entries_.back(), "PRIORITY"), "5");
  EXPECT_EQ(health(Health::kOk, true), message_id::kEventsLost);
  EXPECT_EQ(one(entries_.back(), "PRIORITY"), "4");
  publish(journal, StopNews{"SIGTERM", {1200, 2, 0, 0}});
  EXPECT_EQ(one(entries_.back(), "MESSAGE"),
            "guardd has stopped (SIGTERM): 1,200 violations seen, 2 fixed");
}

TEST_F(JournalTest, ManualRepairsNameTheUser) {
  auto journal = make();
  publish(journal, ManualRepairNews{ManualRepairNews::Kind::kUndo, "alice", "1p5bty608", 1, 2});
  EXPECT_EQ(one(entries_.back(), "MESSAGE"),
            "alice undid the fixes of incident 1p5bty608: guardd restored 1 file and left 2 files "
            "unchanged");
  EXPECT_EQ(one(entries_.back(), "MESSAGE_ID"), message_id::kUndone);
  EXPECT_EQ(one(entries_.back(), "PRIORITY"), "5");
  EXPECT_EQ(one(entries_.back(), "GUARD_USER"), "alice");
  EXPECT_EQ(one(entries_.back(), "GUARD_INCIDENT"), "1p5bty608");
  EXPECT_EQ(one(entries_.back(), "GUARD_RESTORED"), "1");
  EXPECT_EQ(one(entries_.back(), "GUARD_LEFT"), "2");
  publish(journal,
          ManualRepairNews{ManualRepairNews::Kind::kFix, "al\x1b[31mice", "/srv/\xff", 1'200, 0});
  EXPECT_EQ(one(entries_.back(), "MESSAGE"),
            "al\\x1b[31mice requested a fix of /srv/\\xff: guardd fixed 1,200 files");
  EXPECT_EQ(one(entries_.back(), "MESSAGE_ID"), message_id::kManualFix);
  EXPECT_EQ(one(entries_.back(), "GUARD_FIXED"), "1200");
  publish(journal, ManualRepairNews{ManualRepairNews::Kind::kFix, "alice", "", 0, 1});
  EXPECT_EQ(
      one(entries_.back(), "MESSAGE"),
      "alice requested a fix of all policies: guardd fixed 0 files and left 1 file unchanged");
}

}  // namespace
}  // namespace guard
