// When alerts start their units, and what these get to know.
#include "guardd/alert/alerts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

#include "guardd/alert/alert_units.h"
#include "guardd/host/clock.h"
#include "policy/record/fields.h"
#include "tests/unit/records.h"

namespace guard {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

AlertSettings alert(const std::string& name, const std::string& when, Duration every = 5min) {
  std::optional<ConditionError> error;
  AlertSettings settings;
  settings.name = name;
  settings.when = parse_condition(when, error);
  settings.every = every;
  EXPECT_FALSE(error) << error->message;
  return settings;
}

class AlertsTest : public ::testing::Test {
 protected:
  Alerts::Ports ports() {
    Alerts::Ports ports;
    ports.find = [this](const std::string& id) {
      const auto at = open_.find(id);
      return at == open_.end() ? nullptr : &at->second;
    };
    ports.health = [this] { return health_; };
    ports.health_reasons = [] { return std::vector<std::string>{"the disk is full"}; };
    ports.can_start = [this](const AlertSettings& /*alert*/) { return can_start_; };
    ports.start = [this](const AlertSettings& alert, const AlertFacts& facts) {
      started_.push_back(alert.name + "\n" + facts.environment());
    };
    ports.host = "server";
    ports.clock = [this] { return now_; };
    return ports;
  }

  void violate(const std::string& incident, Outcome outcome = Outcome::kSkipped, int times = 1) {
    auto violation = git_violation();
    violation.action = outcome;
    violation.incident = incident;
    auto& open = open_[incident];
    open.id = incident;
    open.first = violation;
    open.shared = fields_to_share();
    open.command = process(static_cast<std::int32_t>(incident.size()), "git", incident);
    for (int i = 0; i < times; ++i) {
      ++open.count;
      alerts_.violation(violation, open);
    }
  }
  void close(const std::string& incident) {
    const auto node = open_.extract(incident);
    alerts_.incident_closed(node.mapped());
  }
  // Turns of a loop until this time has passed.
  void pass(SteadyTime::duration time) {
    alerts_.work(now_);
    const auto until = now_ + time;
    for (auto due = alerts_.next(); due && *due <= until; due = alerts_.next()) {
      now_ = std::max(now_, *due);
      alerts_.work(now_);
    }
    now_ = until;
    alerts_.work(now_);
  }

  SteadyTime now_ = SteadyTime() + 24h;
  Health health_ = Health::kOk;
  bool can_start_ = true;
  std::map<std::string, Incident> open_;
  std::vector<std::string> started_;
  Alerts alerts_{ports()};
};

TEST_F(AlertsTest, AFloodIsOneAlertAndTellsAll) {
  alerts_.use({alert("skipped", "outcome == skipped")});
  violate("one", Outcome::kSkipped, 20'000);
  EXPECT_THAT(started_, IsEmpty());
  pass(10s);
  ASSERT_THAT(started_, SizeIs(1));
  EXPECT_THAT(started_[0], HasSubstr("GUARD_COUNT=\"20000\"\n"));
  EXPECT_THAT(started_[0], HasSubstr("GUARD_INCIDENT=\"one\"\n"));
  violate("one", Outcome::kSkipped, 20'000);
  pass(1h);
  EXPECT_THAT(started_, SizeIs(1));
  EXPECT_FALSE(alerts_.next());
}

TEST_F(AlertsTest, AnIncidentThatEndsBeforeTheStartIsKept) {
  alerts_.use({alert("skipped", "outcome == skipped")});
  violate("one", Outcome::kSkipped, 7);
  close("one");
  pass(0s);
  ASSERT_THAT(started_, SizeIs(1));
  EXPECT_THAT(started_[0], HasSubstr("GUARD_COUNT=\"7\"\n"));
}

TEST_F(AlertsTest, AnIntervalHasOneStartAndTheNextTellsHowManyWereLeftOut) {
  alerts_.use({alert("skipped", "outcome == skipped", 10min)});
  for (int i = 0; i < 500; ++i) {
    violate(std::to_string(i));
    close(std::to_string(i));
    pass(100ms);
  }
  ASSERT_THAT(started_, SizeIs(1));
  EXPECT_THAT(started_[0], HasSubstr("GUARD_INCIDENT=\"0\"\n"));
  pass(11min);
  ASSERT_THAT(started_, SizeIs(2));
  EXPECT_THAT(started_[0], HasSubstr("GUARD_MORE=\"0\"\n"));
  // One is described, the others are counted.
  EXPECT_THAT(started_[1], HasSubstr("GUARD_MORE=\"498\"\n"));
  EXPECT_THAT(started_[1], HasSubstr("and 498 more incidents since the last alert"));
  pass(1h);
  EXPECT_THAT(started_, SizeIs(2));
}

TEST_F(AlertsTest, StatesSayWhatWasStartedAndWhatWasHeldBack) {
  const bus::AlertState fresh{"skipped", "outcome == skipped", 0, 0, 0};
  alerts_.use({alert("skipped", "outcome == skipped", 10min), alert("gone", "uid == 7")});
  ASSERT_THAT(alerts_.states(), SizeIs(2));
  EXPECT_EQ(alerts_.states()[0], fresh);
  const auto before = microseconds_of(std::chrono::system_clock::now());
  for (int i = 0; i < 5; ++i) {
    violate(std::to_string(i));
    close(std::to_string(i));
    pass(100ms);
  }
  auto state = alerts_.states()[0];
  EXPECT_EQ(state.starts, 1U);
  EXPECT_EQ(state.held_back, 3U) << "the second waits for the end of the interval";
  EXPECT_GE(state.last_start, before);
  pass(11min);
  EXPECT_EQ(alerts_.states()[0].starts, 2U);
  EXPECT_EQ(alerts_.states()[0].held_back, 3U);
  // A reload forgets only alerts that are gone.
  alerts_.use({alert("skipped", "outcome == skipped", 1h)});
  ASSERT_THAT(alerts_.states(), SizeIs(1));
  EXPECT_EQ(alerts_.states()[0].starts, 2U);
  alerts_.use({alert("skipped", "severity >= low")});
  EXPECT_EQ(alerts_.states()[0].starts, 0U) << "another condition is another alert";
}

TEST_F(AlertsTest, OnlyWhatMeetsTheConditionCounts) {
  alerts_.use({alert("skipped", "outcome == skipped"), alert("all", "severity >= low")});
  violate("one", Outcome::kFixed);
  pass(10s);
  ASSERT_THAT(started_, SizeIs(1));
  EXPECT_THAT(started_[0], HasSubstr("all\n"));
}

TEST_F(AlertsTest, ARateIsOfOneCommand) {
  alerts_.use({alert("many", "more than 50 violations in 10s by one command")});
  violate("a", Outcome::kFixed, 50);
  violate("bb", Outcome::kFixed, 50);
  pass(20s);
  EXPECT_THAT(started_, IsEmpty());
  violate("a", Outcome::kFixed, 50);
  pass(5s);
  violate("a", Outcome::kFixed, 1);
  close("a");
  pass(0s);
  ASSERT_THAT(started_, SizeIs(1));
  EXPECT_THAT(started_[0], HasSubstr("GUARD_INCIDENT=\"a\"\n"));
}

TEST_F(AlertsTest, AListOfFixedFilesCountsAsManyViolations) {
  alerts_.use({alert("many", "more than 50 violations in 10s")});
  FixedFiles files;
  for (int i = 0; i < 51; ++i) files.add("/srv/shop/" + std::to_string(i), {});
  auto& incident = open_["one"];
  incident.id = "one";
  incident.first = git_violation();
  alerts_.fixed_files(incident.first, files, incident);
  pass(10s);
  EXPECT_THAT(started_, SizeIs(1));
}

TEST_F(AlertsTest, BadHealthMustLast) {
  alerts_.use({alert("health", "health != ok for 5m", 1min)});
  health_ = Health::kDegraded;
  pass(4min);
  health_ = Health::kOk;
  pass(2min);
  EXPECT_THAT(started_, IsEmpty());
  health_ = Health::kDegraded;
  pass(6min);
  ASSERT_THAT(started_, SizeIs(1));
  EXPECT_THAT(started_[0], HasSubstr("GUARD_MESSAGE=\"guardd is degraded: the disk is full\"\n"));
  EXPECT_THAT(started_[0], HasSubstr("GUARD_HEALTH=\"degraded\"\n"));
  pass(24h);  // once for as long as it lasts
  EXPECT_THAT(started_, SizeIs(1));
  health_ = Health::kOk;
  pass(1s);
  health_ = Health::kDisabled;
  pass(6min);
  EXPECT_THAT(started_, SizeIs(2));
}

TEST_F(AlertsTest, GoodHealthIsToldWhenItComesBackOnly) {
  alerts_.use({alert("well", "health == ok")});
  pass(1min);
  EXPECT_THAT(started_, IsEmpty());
  health_ = Health::kDegraded;
  pass(1s);
  health_ = Health::kOk;
  pass(1s);
  EXPECT_THAT(started_, SizeIs(1));
}

TEST_F(AlertsTest, AUnitThatStillRunsIsWaitedForAndTheLoopSleeps) {
  alerts_.use({alert("skipped", "outcome == skipped", 1s)});
  can_start_ = false;
  violate("one");
  violate("two");
  pass(1h);
  EXPECT_THAT(started_, IsEmpty());
  EXPECT_FALSE(alerts_.next());
  can_start_ = true;
  pass(0s);
  ASSERT_THAT(started_, SizeIs(1));
  EXPECT_THAT(started_[0], HasSubstr("GUARD_MORE=\"1\"\n"));
}

TEST_F(AlertsTest, AReloadKeepsWhatStays) {
  alerts_.use({alert("skipped", "outcome == skipped", 10min), alert("gone", "uid == 0")});
  violate("one");
  alerts_.use({alert("new", "uid == 0"), alert("skipped", "outcome == skipped", 1h)});
  pass(10s);
  ASSERT_THAT(started_, SizeIs(1));
  EXPECT_THAT(started_[0], HasSubstr("skipped\n"));
  violate("two");
  pass(30min);
  ASSERT_THAT(started_, SizeIs(2));
  EXPECT_THAT(started_[1], HasSubstr("new\n"));
  pass(1h);
  EXPECT_THAT(started_, SizeIs(3));
}

TEST_F(AlertsTest, WhatWaitsIsStartedAtTheEnd) {
  alerts_.use({alert("skipped", "outcome == skipped")});
  violate("one");
  publish(alerts_, StopNews());
  EXPECT_THAT(started_, SizeIs(1));
}

TEST(RateWindows, ForgetGroupsAndTakeNoMoreMemoryInAFlood) {
  RateWindows windows;
  const Rate rate{1'000'000, 10s, Rate::Group::kCommand};
  const SteadyTime begin;
  for (int i = 0; i < 1000; ++i) (void)windows.add(rate, std::to_string(i), 1, begin + 1ms * i);
  EXPECT_EQ(windows.groups(), RateWindows::kMostGroups);
  EXPECT_FALSE(windows.add(rate, "a", 1'000'000, begin));
  EXPECT_TRUE(windows.add(rate, "a", 1, begin + 9s));
  EXPECT_FALSE(windows.add(rate, "a", 1, begin + 10s));
}

// ---- the facts

// What a shell and systemd make of an environment file.
std::string value_in_shell(const std::string& text, const std::string& name) {
  const auto directory = ::testing::TempDir() + "/guardd-alerts-" + std::to_string(::getpid());
  const auto written = write_facts(directory, "a", text);
  EXPECT_TRUE(written) << written.error().text();
  const auto command = ". '" + directory + "/a.env'; printf %s \"$" + name + "\"";
  auto* pipe = ::popen(command.c_str(), "r");  // NOLINT(cert-env33-c)
  std::string said;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) said += static_cast<char>(c);
  ::pclose(pipe);
  std::filesystem::remove_all(directory);
  return said;
}

TEST(AlertFacts, HostileTextAddsNoVariableAndNoLine) {
  const std::string hostile = "a\"\nGUARD_OWNER=root\n$(id) `id` \\ ' \xff\x1b[31m$HOME\\\"";
  AlertFacts facts;
  facts.text("path", hostile);
  const auto text = facts.environment();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;  // and GUARD_JSON
  EXPECT_THAT(text, Not(HasSubstr("\nGUARD_OWNER")));
  EXPECT_EQ(value_in_shell(text, "GUARD_PATH"),
            R"(a"\nGUARD_OWNER=root\n$(id) `id` \\ ' \xff\x1b[31m$HOME\\")");
  EXPECT_EQ(value_in_shell(text, "GUARD_OWNER"), "");
  EXPECT_THAT(value_in_shell(text, "GUARD_JSON"), HasSubstr(R"("type":"alert","path":")"));
}

TEST(AlertFacts, LongValuesAreCut) {
  AlertFacts facts;
  facts.text("path", std::string(100'000, '\n'));
  EXPECT_LT(facts.environment().size(), 10'000U);
}

TEST(AlertFacts, AnIncidentHasItsFields) {
  Incident incident;
  incident.id = "abc";
  incident.count = 3;
  incident.sample = {"/srv/shop/a\nb"};
  incident.first = git_violation();
  incident.shared = fields_to_share();
  incident.command = process(300, "git", "git pull");
  const auto text =
      facts_of({"skipped", "uid == 0", "server", moment(), 2}, incident).environment();
  for (const auto* line :
       {"GUARD_ALERT=\"skipped\"\n", "GUARD_WHEN=\"uid == 0\"\n", "GUARD_HOST=\"server\"\n",
        "GUARD_MORE=\"2\"\n", "GUARD_INCIDENT=\"abc\"\n", "GUARD_COUNT=\"3\"\n",
        "GUARD_SAMPLE_1=\"/srv/shop/a\\\\nb\"\n", "GUARD_POLICY=\"shop\"\n",
        "GUARD_OWNER=\"shop\"\n", "GUARD_LOGIN_USER=\"alice\"\n", "GUARD_SEVERITY=\"medium\"\n",
        "GUARD_COMMAND=\"git pull\"\n", "GUARD_ACTION=\"fixed\"\n"})
    EXPECT_THAT(text, HasSubstr(line));
}

}  // namespace
}  // namespace guard
