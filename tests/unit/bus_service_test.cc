// guardd on a private bus, with a manager that the test controls.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <thread>

#include "dbus/client/client.h"
#include "dbus/client/report_reader.h"
#include "dbus/service/service.h"
#include "policy/base/handle.h"
#include "tests/unit/bus_service_fixture.h"
#include "tests/unit/records.h"

namespace guard {
namespace {

using namespace std::chrono_literals;
using bus::CallFailure;
using bus::Denial;
using testing::BusService;
using ::testing::ElementsAre;
using testing::FakeManager;
using ::testing::HasSubstr;
using testing::House;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::PrivateBus;

TEST_F(BusService, HasItsStateAsProperties) {
  house_.on_loop([](auto& service, FakeManager& manager) {
    manager.facts_.health = "degraded";
    manager.facts_.health_reason = "one; two";
    manager.policies_ = {testing::policy_facts("shop"), testing::policy_facts("a.b-c_d")};
    service.changed();
  });
  const auto status = client_.status();
  ASSERT_TRUE(status) << status.error().text;
  EXPECT_EQ(status->health, "degraded");
  EXPECT_EQ(status->health_reason, "one; two");
  for (int tries = 0; tries < 100; ++tries) {
    const auto policies = client_.policies();
    ASSERT_TRUE(policies) << policies.error().text;
    if (policies->size() != 2) continue;
    EXPECT_EQ((*policies)[0].name, "a.b-c_d");
    EXPECT_THAT((*policies)[1].paths, ElementsAre("/srv/shop"));
    return;
  }
  FAIL() << "the policies are not objects";
}

TEST_F(BusService, SignalsEachViolationOnceWithItsOutcome) {
  const auto events =
      heard([&] { house_.tell(git_violation()); }, [](const auto& all) { return !all.empty(); });
  ASSERT_EQ(events.size(), 1U);
  const auto& record = events[0].record;
  EXPECT_EQ(*bus::find<std::string>(record, "action"), "fixed");
  EXPECT_EQ(*bus::find<std::string>(record, "path"), "/srv/shop/index.html");
  EXPECT_EQ(*bus::find<std::uint64_t>(record, "login_uid"), 1000U);
  EXPECT_FALSE(bus::find(record, "folded"));
  // Only trusted callers see commands.
  EXPECT_FALSE(bus::find(record, "cmdline"));
  for (const auto& each : *bus::find<bus::List>(record, "lineage"))
    EXPECT_FALSE(bus::find(*each.as<bus::Map>(), "cmdline"));
}

TEST_F(BusService, FoldsSignalsBeyondTheRate) {
  constexpr std::uint64_t kMany = 2'000;
  const auto all = [](const std::vector<bus::Event>& events) {
    std::uint64_t told = 0;
    for (const auto& event : events) {
      const auto* folded = bus::find<std::uint64_t>(event.record, "folded");
      told += 1 + (folded ? *folded : 0);
    }
    return told >= kMany;
  };
  const auto events = heard(
      [&] {
        for (std::uint64_t i = 0; i < kMany; ++i) house_.tell(git_violation());
      },
      all);
  EXPECT_TRUE(all(events)) << events.size() << " signals";
  EXPECT_LT(events.size(), kMany / 2);
}

TEST_F(BusService, AcceptsAnyFileName) {
  const std::array<std::string, 6> names{"\xff",         "\xef\xbf\xbe", "\xef\xb7\x90",
                                         "a\nb\x1b[31m", "\xed\xa0\x80", std::string(30'000, 'x')};
  for (const auto& name : names) {
    const auto path = "/srv/shop/" + name;
    const auto events = heard([&] { house_.tell(git_violation(path)); },
                              [](const auto& all) { return !all.empty(); });
    ASSERT_EQ(events.size(), 1U) << name.substr(0, 20);
    const auto& record = events[0].record;
    const auto* raw = bus::find<bus::Bytes>(record, "path_raw");
    const auto told =
        raw ? std::string(raw->begin(), raw->end()) : *bus::find<std::string>(record, "path");
    EXPECT_EQ(told, path.substr(0, kLongestPath));
  }
  EXPECT_TRUE(client_.status());
}

TEST_F(BusService, SignalsChangedProperties) {
  const auto monitor = [&](const std::function<void()>& manual_repair) {
    auto connection = bus_.connect();
    (void)sd_bus_add_match(connection.get(), nullptr,
                           "type='signal',interface='org.freedesktop.DBus.Properties'", nullptr,
                           nullptr);
    manual_repair();
    std::string changed;
    const auto until = std::chrono::steady_clock::now() + 2s;
    while (std::chrono::steady_clock::now() < until) {
      sd_bus_message* made = nullptr;
      const int code = sd_bus_process(connection.get(), &made);
      const testing::MessageHandle message(made);
      if (made && sd_bus_message_is_signal(made, nullptr, "PropertiesChanged") > 0) {
        const char* interface = nullptr;
        (void)sd_bus_message_read(made, "s", &interface);
        (void)sd_bus_message_enter_container(made, 'a', "{sv}");
        while (sd_bus_message_enter_container(made, 'e', "sv") > 0) {
          const char* name = nullptr;
          (void)sd_bus_message_read(made, "s", &name);
          changed += std::string(name) + " ";
          (void)sd_bus_message_skip(made, "v");
          (void)sd_bus_message_exit_container(made);
        }
      }
      if (code == 0) (void)sd_bus_wait(connection.get(), 20'000);
    }
    return changed;
  };
  house_.on_loop([](auto& service, FakeManager& manager) {
    manager.policies_ = {testing::policy_facts("shop")};
    service.changed();
  });
  const auto changed = monitor([&] {
    house_.on_loop([](auto& service, FakeManager& manager) {
      manager.facts_.health = "paused";
      manager.policies_[0].state = "paused";
      service.changed();
      manager.facts_.violations += 1;
      manager.facts_.alerts = {{"skipped", "outcome == skipped", 1, 0, 1}};
      service.violation(git_violation());
    });
  });
  for (const auto* name : {"Health ", "State ", "Violations ", "Fixed ", "Alerts "})
    EXPECT_THAT(changed, HasSubstr(name));
}

TEST_F(BusService, CountsWhatItLeftByReasonAndWhatWentBeyondALimit) {
  const std::vector<bus::AlertState> alerts{{"skipped", "outcome == skipped", 2, 17, 1'795'183'387},
                                            {"health", "health != ok for 5m", 0, 0, 0}};
  house_.on_loop([&](auto& service, FakeManager& manager) {
    manager.policies_ = {testing::policy_facts("shop")};
    manager.policies_[0].skipped = {{"busy", 0}, {"war", 0}};
    manager.beyond_limit_["shop"] = {{"pending", 4}};
    manager.facts_.answered_late = 2;
    manager.facts_.helpers_given_up = {{"late", 1}};
    manager.facts_.alerts = alerts;
    service.reloaded();
    auto left = git_violation();
    left.action = Outcome::kSkipped;
    left.skip = "war";
    left.repeats = 2;
    service.violation(left);
  });
  const auto policies = client_.policies();
  ASSERT_TRUE(policies) << policies.error().text;
  ASSERT_EQ(policies->size(), 1U);
  EXPECT_EQ(policies->front().skipped, (bus::Counts{{"busy", 0}, {"war", 3}}));
  EXPECT_EQ(policies->front().beyond_limit, (bus::Counts{{"pending", 4}}));
  const auto status = client_.status();
  ASSERT_TRUE(status) << status.error().text;
  EXPECT_EQ(status->answered_late, 2U);
  EXPECT_EQ(status->helpers_given_up, (bus::Counts{{"late", 1}}));
  EXPECT_EQ(status->alerts, alerts);
}

TEST_F(BusService, ReportsWhyACallFailed) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root is permitted without polkit";
  const std::array<std::pair<Denial, bus::Kind>, 5> all{
      {{Denial::kNoSuchPolicy, bus::Kind::kNoSuchPolicy},
       {Denial::kInvalidPolicy, bus::Kind::kInvalidPolicy},
       {Denial::kInvalidArgument, bus::Kind::kInvalid},
       {Denial::kBusy, bus::Kind::kBusy},
       {Denial::kFailed, bus::Kind::kFailed}}};
  for (const auto& [denial, kind] : all) {
    house_.on_loop([why = denial](auto&, FakeManager& manager) {
      manager.denied_ = CallFailure{why, "a sentence \xff of our own"};
    });
    const auto answer = client_.scan("shop", true);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, kind);
    EXPECT_THAT(answer.error().text, HasSubstr("of our own"));
  }
}

Report some_report() {
  const auto moment = [](std::int64_t hour) {
    return std::chrono::system_clock::time_point(std::chrono::hours(hour));
  };
  Report report;
  report.all.add(moment(480'000), Outcome::kFixed, 5);
  report.all.add(moment(480'002), Outcome::kDenied, 2);
  report.all.incidents = 3;
  report.oldest = moment(470'000);
  report.policies.rows = {{"shop", {}, report.all}};
  report.policies.others.add(moment(480'000), Outcome::kLogged, 9);
  report.policies.more = 4;
  report.people.rows = {{"alice", "person", report.all}, {"", "", report.all}};
  report.programs.rows = {{"/usr/bin/git", {}, report.all}};
  report.commands.rows = {{"git pull https://me:secret@example.org", {}, report.all}};
  report.paths.rows = {{"/srv/shop/\xff<b>", {}, report.all, true}};
  report.spans = {{moment(480'000), {0, 5, 0, 0}}, {moment(480'002), {0, 0, 2, 0}}};
  return report;
}

TEST_F(BusService, ReportsCommandsOnlyToTrustedCallers) {
  house_.on_loop([](auto&, FakeManager& manager) { manager.report_ = some_report(); });
  const auto [status, said] = as_nobody("Report a{sv} 1 policy s shop");
  EXPECT_EQ(status, 0) << said;
  EXPECT_THAT(said, HasSubstr("/usr/bin/git"));
  EXPECT_THAT(said, Not(HasSubstr("secret")));
  EXPECT_EQ(house_.ask<std::size_t>([](auto&, FakeManager& m) { return *m.filter_.limit; }), 10U);
  for (const auto* method : {"Report", "ListIncidents"})
    EXPECT_THAT(as_nobody(std::string(method) + " a{sv} 1 command s git").second,
                HasSubstr("denied"));
  EXPECT_NE(as_nobody("Report a{sv} 1 top u 3").first, 0);
}

TEST_F(BusService, SendsAReport) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root sees everything";
  house_.on_loop([](auto&, FakeManager& manager) { manager.report_ = some_report(); });
  const auto record = client_.report({});
  ASSERT_TRUE(record);
  const auto said = some_report();
  const auto told = bus::report_in(*record);
  EXPECT_EQ(told.all.violations, 7U);
  EXPECT_EQ(told.all.incidents, 3U);
  EXPECT_EQ(told.all.by_outcome, said.all.by_outcome);
  EXPECT_EQ(told.all.first, said.all.first);
  EXPECT_EQ(told.all.last, said.all.last);
  EXPECT_EQ(told.oldest, said.oldest);
  EXPECT_EQ(told.policies.more, 4U);
  EXPECT_EQ(told.policies.others.of(Outcome::kLogged), 9U);
  EXPECT_EQ(told.people.rows.at(0).kind, "person");
  EXPECT_EQ(told.people.rows.at(1).key, "");
  EXPECT_TRUE(told.has_commands);
  EXPECT_EQ(told.commands.rows.at(0).key, said.commands.rows.at(0).key);
  EXPECT_EQ(told.paths.rows.at(0).key, "/srv/shop/\xff<b>");
  EXPECT_TRUE(told.paths.rows.at(0).is_rest);
  ASSERT_EQ(told.spans.size(), 2U);
  EXPECT_EQ(told.spans[1].begin, said.spans[1].begin);
  EXPECT_EQ(told.spans[1].by_outcome, said.spans[1].by_outcome);
  // An empty record is a valid report.
  EXPECT_EQ(bus::report_in({}).all.violations, 0U);
}

TEST_F(BusService, SendsLessons) {
  house_.on_loop([](auto&, FakeManager& manager) {
    auto& lessons = manager.lessons_;
    lessons.all = some_report().all;
    LessonSubject subject;
    subject.exe = "/usr/bin/\xff";
    subject.unit = "restic.service";
    subject.fsuid = Uid{0};
    subject.has_terminal = true;
    subject.tally = lessons.all;
    subject.operations = {Operation::kCreate, Operation::kChown};
    subject.examples = {"/srv/shop/a"};
    lessons.subjects = {subject, LessonSubject()};
    lessons.files = {{"/srv/shop/\xfe", Uid{1}, Gid{2}, true, true, 3}};
    lessons.more_files = 4;
    lessons.others = lessons.all;
  });
  RecordFilter query;
  query.policy = "shop";
  const auto record = client_.learn(query);
  ASSERT_TRUE(record);
  const auto told = bus::lessons_in(*record);
  EXPECT_EQ(told.all.violations, 7U);
  EXPECT_EQ(told.others.violations, 7U);
  ASSERT_EQ(told.subjects.size(), 2U);
  const auto& subject = told.subjects[0];
  EXPECT_EQ(subject.exe, "/usr/bin/\xff");
  EXPECT_EQ(subject.unit, "restic.service");
  EXPECT_EQ(subject.fsuid, Uid{0});
  EXPECT_FALSE(subject.person);
  EXPECT_TRUE(subject.has_terminal);
  EXPECT_EQ(subject.operations.size(), 2);
  EXPECT_THAT(subject.examples, ElementsAre("/srv/shop/a"));
  EXPECT_FALSE(told.subjects[1].exe || told.subjects[1].fsuid || told.subjects[1].has_terminal);
  ASSERT_EQ(told.files.size(), 1U);
  EXPECT_EQ(told.files[0].path, "/srv/shop/\xfe");
  EXPECT_EQ(told.files[0].gid, Gid{2});
  EXPECT_TRUE(told.files[0].is_mixed && told.files[0].by_person);
  EXPECT_EQ(told.more_files, 4U);
  for (const auto* call : {"Learn a{sv} 0", "Learn a{sv} 2 policy s shop command s git"})
    EXPECT_NE(as_nobody(call).first, 0) << call;
}

TEST_F(BusService, RejectsInvalidArguments) {
  for (const auto* call :
       {"ListIncidents a{sv} 1 lmit u 3", "ListIncidents a{sv} 1 limit s x",
        "ListIncidents a{sv} 1 severity s worst", "ListIncidents a{sv} 1 policy as 0",
        "GetIncident s ''", "Explain ayus 0 0 create", "Explain ayus 2 47 0 0 create",
        "Explain ayus 3 120 47 120 0 create", "Explain ayus 2 47 120 0 crate", "Explode",
        "Scan s x"}) {
    const auto [status, said] = as_nobody(call);
    EXPECT_NE(status, 0) << call << ": " << said;
  }
  EXPECT_THAT(as_nobody("ListIncidents a{sv} 1 lmit u 3").second, HasSubstr("\"limit\""));
  EXPECT_TRUE(client_.status());
}

TEST_F(BusService, ReadsAFilter) {
  const auto [status, said] = as_nobody(
      "ListIncidents a{sv} 7 since t 1000000 until t 18446744073709551615 policy s shop login s "
      "alice severity s high path s /srv/x limit u 4000000000");
  EXPECT_EQ(status, 0) << said;
  const auto filter = house_.ask<RecordFilter>([](auto&, FakeManager& m) { return m.filter_; });
  EXPECT_EQ(filter.since->time_since_epoch(), 1s);
  EXPECT_GT(*filter.until, *filter.since);
  EXPECT_EQ(filter.policy, "shop");
  EXPECT_EQ(filter.login, "alice");
  EXPECT_EQ(filter.severity, Severity::kHigh);
  EXPECT_EQ(filter.path, "/srv/x");
  EXPECT_EQ(filter.limit, 1'000U);
}

TEST_F(BusService, ReconnectsToItsBus) {
  house_.on_loop(
      [](auto&, FakeManager& manager) { manager.policies_ = {testing::policy_facts("shop")}; });
  bus_.stop();
  house_.tell(git_violation());
  std::this_thread::sleep_for(300ms);
  bus_.start();
  client_ = *bus::Client::open(bus_.address());
  client_.set_patience({5s, 5s, 5s});
  for (int tries = 0; tries < 400 && !client_.status(); ++tries) std::this_thread::sleep_for(20ms);
  ASSERT_TRUE(client_.status());
  EXPECT_EQ(client_.policies()->size(), 1U);
  const auto events =
      heard([&] { house_.tell(git_violation()); }, [](const auto& all) { return !all.empty(); });
  EXPECT_EQ(events.size(), 1U);
}

TEST(BusServiceAlone, WaitsForAMissingBus) {
  PrivateBus bus;
  bus.stop();
  House house(bus.address());
  house.tell(git_violation());
  std::this_thread::sleep_for(200ms);
  bus.start();
  auto client = *bus::Client::open(bus.address());
  client.set_patience({5s, 5s, 5s});
  for (int tries = 0; tries < 400 && !client.status(); ++tries) std::this_thread::sleep_for(20ms);
  EXPECT_TRUE(client.status());
}

TEST(BusServiceAlone, ReportsALongAbsenceOfTheBus) {
  PrivateBus bus;
  bus.stop();
  House house(bus.address());
  const auto trouble_in = [&](std::chrono::seconds from_now) {
    return house.ask<std::string>([from_now](bus::Service& service, auto&) {
      service.tick(std::chrono::steady_clock::now() + from_now);
      return service.trouble();
    });
  };
  EXPECT_THAT(trouble_in(1s), IsEmpty());
  EXPECT_THAT(trouble_in(120s), HasSubstr("cannot be reached over the bus"));
  bus.start();
  for (int tries = 0; tries < 1'000 && !trouble_in(0s).empty(); ++tries)
    std::this_thread::sleep_for(10ms);
  EXPECT_THAT(trouble_in(0s), IsEmpty());
}

TEST(BusServiceAlone, ReportsAnotherOwnerOfItsName) {
  const PrivateBus bus;
  const auto other = bus.connect();
  ASSERT_GE(sd_bus_request_name(other.get(), bus::kName, 0), 0);
  House house(bus.address());
  for (int tries = 0; tries < 200; ++tries) {
    const auto trouble =
        house.ask<std::string>([](bus::Service& service, auto&) { return service.trouble(); });
    if (trouble.find("another program") != std::string::npos) return;
    std::this_thread::sleep_for(10ms);
  }
  FAIL() << "it does not report it";
}

}  // namespace
}  // namespace guard
