// The client with every kind of peer on the other end of the bus, and with none.
#include <fcntl.h>
#include <gmock/gmock.h>

#include "dbus/client/client.h"
#include "tests/unit/private_bus.h"

namespace guard::bus {
namespace {

using guard::testing::FakeGuardd;
using guard::testing::MessageHandle;
using guard::testing::PrivateBus;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

class BusClient : public ::testing::Test {
 protected:
  Client client() const {
    auto client = Client::open(bus_.address());
    EXPECT_TRUE(client) << client.error().text;
    return *std::move(client);
  }

  PrivateBus bus_;
};

template <typename T>
void expect_failure(const Answer<T>& answer, Kind kind, const std::string& text) {
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, kind);
  EXPECT_THAT(answer.error().text, HasSubstr(text));
}

TEST(BusClientStatus, HasTheExitCodesOfTheContract) {
  EXPECT_EQ(exit_status(Kind::kFailed), 1);
  EXPECT_EQ(exit_status(Kind::kInvalidPolicy), 1);
  EXPECT_EQ(exit_status(Kind::kNoSuchPolicy), 1);
  EXPECT_EQ(exit_status(Kind::kNoSuchIncident), 1);
  EXPECT_EQ(exit_status(Kind::kBusy), 1);
  EXPECT_EQ(exit_status(Kind::kInvalid), 2);
  EXPECT_EQ(exit_status(Kind::kNotRunning), 3);
  EXPECT_EQ(exit_status(Kind::kNotPermitted), 4);
}

TEST(BusClientOpen, ReportsAMissingBus) {
  expect_failure(Client::open("unix:path=/nonexistent/bus"), Kind::kNotRunning,
                 "\"unix:path=/nonexistent/bus\": No such file or directory");
  expect_failure(Client::open("nonsense"), Kind::kInvalid, "is no address of a bus");
}

TEST_F(BusClient, ReportsThatGuarddIsNotRunning) {
  auto client = this->client();
  expect_failure(client.reload(), Kind::kNotRunning, "systemctl start guardd");
  expect_failure(client.status(), Kind::kNotRunning, "systemctl start guardd");
  expect_failure(client.watch([](const Event&) { return true; }, -1), Kind::kNotRunning,
                 "systemctl start guardd");
}

TEST_F(BusClient, CallsAndReadsAnswers) {
  FakeGuardd guardd(bus_);
  guardd.answers("Scan", [](sd_bus_message* call, sd_bus_message* reply) {
    const char* where = nullptr;
    int fix = 0;
    EXPECT_GE(sd_bus_message_read(call, "sb", &where, &fix), 0);
    EXPECT_STREQ(where, "/srv/shop");
    EXPECT_EQ(fix, 1);
    EXPECT_EQ(sd_bus_message_get_allow_interactive_authorization(call), 1);
    return sd_bus_message_append(reply, "uu", 7U, 5U);
  });
  guardd.answers("Pause", [](sd_bus_message* call, sd_bus_message* /*reply*/) {
    const char* policy = nullptr;
    std::uint64_t length = 0;
    const char* reason = nullptr;
    EXPECT_GE(sd_bus_message_read(call, "sts", &policy, &length, &reason), 0);
    EXPECT_STREQ(policy, "shop");
    EXPECT_EQ(length, 600'000'000U);
    EXPECT_STREQ(reason, "upgrade");
    return 0;
  });
  guardd.answers("UndoFiles", [](sd_bus_message* /*call*/, sd_bus_message* reply) {
    return sd_bus_message_append(reply, "aa{sv}uu", 0, 12U, 0U);
  });
  guardd.start();

  auto client = this->client();
  client.set_interactive(true);
  const auto totals = client.scan("/srv/shop", true);
  ASSERT_TRUE(totals) << totals.error().text;
  EXPECT_EQ(totals->found, 7U);
  EXPECT_EQ(totals->fixed, 5U);
  EXPECT_TRUE(client.pause("shop", std::chrono::minutes(10), "upgrade"));
  EXPECT_TRUE(client.resume("shop"));
  EXPECT_TRUE(client.reload());
  const auto undone = client.undo_files("0c1t9v3k2", false, 0);
  ASSERT_TRUE(undone);
  EXPECT_EQ(undone->restored, 12U);
}

TEST_F(BusClient, PermitsAPasswordPromptOnlyForAPerson) {
  FakeGuardd guardd(bus_);
  guardd.answers("Reload", [](sd_bus_message* call, sd_bus_message* /*reply*/) {
    EXPECT_EQ(sd_bus_message_get_allow_interactive_authorization(call), 0);
    return 0;
  });
  guardd.start();
  EXPECT_TRUE(client().reload());
}

TEST_F(BusClient, DistinguishesErrors) {
  struct Case {
    const char* name;
    Kind kind;
    const char* text;
  };
  const Case cases[] = {
      {error::kNoSuchPolicy, Kind::kNoSuchPolicy, "as it says"},
      {error::kNoSuchIncident, Kind::kNoSuchIncident, "as it says"},
      {error::kInvalidPolicy, Kind::kInvalidPolicy, "as it says"},
      {error::kInvalidArgument, Kind::kInvalid, "as it says"},
      {error::kBusy, Kind::kBusy, "as it says"},
      {error::kLimitsExceeded, Kind::kBusy, "as it says"},
      {error::kDisabled, Kind::kFailed, "as it says"},
      {error::kFailed, Kind::kFailed, "as it says"},
      {error::kAccessDenied, Kind::kNotPermitted, "you may not do this: as it says"},
      {error::kInteractiveAuthorizationRequired, Kind::kNotPermitted, "without a password"},
      {error::kNoReply, Kind::kNotRunning, "exited before it answered"},
      {"com.example.Strange", Kind::kFailed, "as it says"},
  };
  for (const auto& [name, kind, text] : cases) {
    SCOPED_TRACE(name);
    FakeGuardd guardd(bus_);
    guardd.fails("UndoFiles", name, "as it says");
    guardd.start();
    expect_failure(client().undo_files("x", false, 0), kind, text);
  }
}

TEST_F(BusClient, DoesNotRepeatTheRulesOfTheBus) {
  FakeGuardd guardd(bus_);
  guardd.fails("Reload", error::kAccessDenied, "Rejected send message, 2 matched rules; type=…");
  guardd.start();
  const auto answer = client().reload();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().text, "you may not do this: the bus denies it");
}

TEST_F(BusClient, RejectsInvalidText) {
  FakeGuardd guardd(bus_);
  guardd.start();
  auto client = this->client();
  expect_failure(client.scan("/srv/\xff", false), Kind::kInvalid, "UTF-8");
  RecordFilter filter;
  filter.login = "\xff";
  expect_failure(client.list_incidents(filter), Kind::kInvalid, "UTF-8");
  EXPECT_TRUE(client.reload()) << "the connection survives";
}

TEST_F(BusClient, ReadsRecordsWithFieldsOfAnyKind) {
  FakeGuardd guardd(bus_);
  guardd.answers("GetIncident", [](sd_bus_message* /*call*/, sd_bus_message* reply) {
    return sd_bus_message_append(reply, "a{sv}", 9, "count", "t", std::uint64_t{3}, "policy", "s",
                                 "shop", "path_raw", "ay", 2, 0x2f, 0xff, "sample", "as", 2, "/a",
                                 "/b", "totals", "a{sv}", 1, "fixed", "u", 3U, "lineage", "aa{sv}",
                                 1, 1, "comm", "s", "git", "below", "i", -4, "yes", "b", 1, "pair",
                                 "(sd)", "half", 0.5);
  });
  guardd.start();
  const auto record = client().get_incident("x");
  ASSERT_TRUE(record) << record.error().text;
  const Map expected{
      {"count", {std::uint64_t{3}}},
      {"policy", {std::string("shop")}},
      {"path_raw", {Bytes{0x2f, 0xff}}},
      {"sample", {List{{std::string("/a")}, {std::string("/b")}}}},
      {"totals", {Map{{"fixed", {std::uint64_t{3}}}}}},
      {"lineage", {List{{Map{{"comm", {std::string("git")}}}}}}},
      {"below", {std::int64_t{-4}}},
      {"yes", {true}},
      {"pair", {List{{std::string("half")}, {0.5}}}},
  };
  EXPECT_EQ(*record, expected);
}

TEST_F(BusClient, FiltersIncidents) {
  FakeGuardd guardd(bus_);
  guardd.answers("ListIncidents", [](sd_bus_message* call, sd_bus_message* reply) {
    const char* key = nullptr;
    std::uint64_t since = 0;
    const char* policy = nullptr;
    std::uint32_t limit = 0;
    EXPECT_GE(sd_bus_message_enter_container(call, 'a', "{sv}"), 0);
    EXPECT_GE(sd_bus_message_read(call, "{sv}", &key, "t", &since), 0);
    EXPECT_STREQ(key, "since");
    EXPECT_EQ(since, 1'000'000U);
    EXPECT_GE(sd_bus_message_read(call, "{sv}", &key, "s", &policy), 0);
    EXPECT_STREQ(policy, "shop");
    EXPECT_GE(sd_bus_message_read(call, "{sv}", &key, "u", &limit), 0);
    EXPECT_EQ(limit, 2U);
    EXPECT_EQ(sd_bus_message_at_end(call, 0), 1);
    return sd_bus_message_append(reply, "aa{sv}", 2, 1, "id", "s", "a", 0);
  });
  guardd.start();
  RecordFilter filter;
  filter.since = std::chrono::system_clock::time_point(std::chrono::seconds(1));
  filter.policy = "shop";
  filter.limit = 2;
  const auto incidents = client().list_incidents(filter);
  ASSERT_TRUE(incidents) << incidents.error().text;
  ASSERT_THAT(*incidents, SizeIs(2));
  EXPECT_EQ(*find<std::string>((*incidents)[0], "id"), "a");
  EXPECT_EQ(find((*incidents)[1], "id"), nullptr);
}

TEST_F(BusClient, ReadsTheStateOfGuarddAndItsPolicies) {
  FakeGuardd guardd(bus_);
  guardd.answers("GetAll", [](sd_bus_message* /*call*/, sd_bus_message* reply) {
    return sd_bus_message_append(reply, "a{sv}", 7, "Health", "s", "degraded", "Generation", "u",
                                 3U, "Lost", "t", std::uint64_t{9}, "Invented", "ai", 1, 4,
                                 "HelpersGivenUp", "a{st}", 1, "late", std::uint64_t{7},
                                 "HelpersHung", "u", 1U, "Alerts", "aa{sv}", 2, 2, "name", "s",
                                 "skipped", "last_start", "t", std::uint64_t{5}, 0);
  });
  guardd.answers("GetManagedObjects", [](sd_bus_message* /*call*/, sd_bus_message* reply) {
    return sd_bus_message_append(
        reply, "a{oa{sa{sv}}}", 3,                                                        //
        "/org/guardd/Guard1/policy/z", 1, kPolicy, 1, "Name", "s", "z",                   //
        "/org/guardd/Guard1", 1, kManager, 1, "Health", "s", "ok",                        //
        "/org/guardd/Guard1/policy/shop", 2, "org.freedesktop.DBus.Peer", 0, kPolicy, 5,  //
        "Name", "s", "shop", "Paths", "as", 2, "/srv/shop", "/log", "Fixed", "t", std::uint64_t{2},
        "PausedUntil", "t", std::uint64_t{5}, "Skipped", "a{st}", 2, "busy", std::uint64_t{0},
        "war", std::uint64_t{3});
  });
  guardd.start();
  auto client = this->client();
  const auto status = client.status();
  ASSERT_TRUE(status) << status.error().text;
  EXPECT_EQ(status->health, "degraded");
  EXPECT_EQ(status->generation, 3U);
  EXPECT_EQ(status->lost, 9U);
  EXPECT_EQ(status->helpers_given_up, (bus::Counts{{"late", 7}}));
  EXPECT_EQ(status->helpers_hung, 1U);
  EXPECT_EQ(status->alerts, (std::vector<bus::AlertState>{{"skipped", "", 0, 0, 5}, {}}));
  EXPECT_EQ(status->version, "");

  const auto policies = client.policies();
  ASSERT_TRUE(policies) << policies.error().text;
  ASSERT_THAT(*policies, SizeIs(2));
  const auto& shop = policies->front();
  EXPECT_EQ(shop.name, "shop");
  EXPECT_THAT(shop.paths, ::testing::ElementsAre("/srv/shop", "/log"));
  EXPECT_EQ(shop.fixed, 2U);
  EXPECT_EQ(shop.skipped, (bus::Counts{{"busy", 0}, {"war", 3}}));
  EXPECT_EQ(shop.paused_until, 5U);
}

TEST_F(BusClient, RejectsAnswersOfAnotherType) {
  FakeGuardd guardd(bus_);
  const auto number = [](sd_bus_message* /*call*/, sd_bus_message* reply) {
    return sd_bus_message_append(reply, "d", 0.5);
  };
  for (const auto* method :
       {"Scan", "UndoFiles", "GetIncident", "ListIncidents", "GetManagedObjects"})
    guardd.answers(method, number);
  guardd.answers("GetAll", [](sd_bus_message* /*call*/, sd_bus_message* reply) {
    return sd_bus_message_append(reply, "a{sv}", 1, "Generation", "s", "three");
  });
  guardd.start();
  auto client = this->client();
  const std::string sentence = "does not understand";
  expect_failure(client.scan("", false), Kind::kFailed, sentence);
  expect_failure(client.undo_files("x", false, 0), Kind::kFailed, sentence);
  expect_failure(client.get_incident("x"), Kind::kFailed, sentence);
  expect_failure(client.list_incidents({}), Kind::kFailed, sentence);
  expect_failure(client.policies(), Kind::kFailed, sentence);
  expect_failure(client.status(), Kind::kFailed, "Generation");
  // Neither is an empty answer.
  expect_failure(client.report({}), Kind::kFailed, sentence);
}

TEST_F(BusClient, WaitsNoLongerThanItsTimeout) {
  FakeGuardd guardd(bus_);
  guardd.ignores("GetIncident");
  guardd.start();
  auto client = this->client();
  client.set_patience({std::chrono::milliseconds(50), std::chrono::milliseconds(50),
                       std::chrono::milliseconds(50)});
  expect_failure(client.get_incident("x"), Kind::kFailed, "did not answer in time");
}

TEST_F(BusClient, NoticesGuarddExitingDuringACall) {
  FakeGuardd guardd(bus_);
  guardd.dies_of("Scan");
  guardd.start();
  expect_failure(client().scan("", true), Kind::kNotRunning, "exited before it answered");
}

TEST_F(BusClient, NoticesTheBusEndingDuringACall) {
  FakeGuardd guardd(bus_);
  guardd.answers("Scan", [this](sd_bus_message* /*call*/, sd_bus_message* reply) {
    bus_.stop();
    return sd_bus_message_append(reply, "uu", 0U, 0U);
  });
  guardd.start();
  auto client = this->client();
  expect_failure(client.scan("", true), Kind::kNotRunning, "");
  expect_failure(client.reload(), Kind::kNotRunning, "");
}

void say_incident(sd_bus* bus) {
  (void)sd_bus_emit_signal(bus, kObject, kManager, "IncidentOpened", "sa{sv}", "one", 1, "policy",
                           "s", "shop");
}

TEST_F(BusClient, WatchesUntilTheCallbackStopsIt) {
  FakeGuardd guardd(bus_);
  guardd.repeats([](sd_bus* bus) {
    (void)sd_bus_emit_signal(bus, kObject, kManager, "Invented", "i", 4);
    (void)sd_bus_emit_signal(bus, kObject, kManager, "PolicyReloaded", "u", 3U);
    say_incident(bus);
  });
  guardd.answers("GetIncident", [](sd_bus_message* /*call*/, sd_bus_message* reply) {
    return sd_bus_message_append(reply, "a{sv}", 1, "id", "s", "one");
  });
  guardd.start();
  auto client = this->client();
  int reloads = 0;
  std::vector<Event> incidents;
  const auto done = client.watch(
      [&](const Event& event) {
        if (event.kind == Event::Kind::kReloaded) {
          EXPECT_EQ(event.generation, 3U);
          ++reloads;
          return true;
        }
        EXPECT_TRUE(client.get_incident(event.id)) << "other calls are possible meanwhile";
        incidents.push_back(event);
        return incidents.size() < 2;
      },
      -1);
  ASSERT_TRUE(done) << done.error().text;
  EXPECT_GE(reloads, 1);
  ASSERT_THAT(incidents, SizeIs(2));
  EXPECT_EQ(incidents[0].kind, Event::Kind::kIncidentOpened);
  EXPECT_EQ(incidents[0].id, "one");
  EXPECT_EQ(*find<std::string>(incidents[0].record, "policy"), "shop");
}

TEST_F(BusClient, WatchesUntilItIsStopped) {
  FakeGuardd guardd(bus_);
  guardd.start();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Fd from(ends[0]);
  const Fd to(ends[1]);
  ASSERT_EQ(::write(to.get(), "x", 1), 1);
  EXPECT_TRUE(client().watch([](const Event&) { return true; }, from.get()));
}

TEST_F(BusClient, WatchesUntilGuarddExits) {
  FakeGuardd guardd(bus_);
  guardd.repeats(say_incident);
  guardd.dies_of("Reload");
  guardd.start();
  auto client = this->client();
  auto other = this->client();
  const auto done = client.watch(
      [&](const Event&) {
        (void)other.reload();
        return true;
      },
      -1);
  expect_failure(done, Kind::kNotRunning, "guardd has exited");
}

TEST_F(BusClient, AcceptsSignalsOnlyFromGuardd) {
  FakeGuardd guardd(bus_);
  guardd.start();
  auto client = this->client();
  const auto stranger = bus_.connect();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Fd from(ends[0]);
  const Fd to(ends[1]);
  // Sends directly to every client, regardless of its match rules.
  std::thread liar([&] {
    for (int i = 0; i < 20; ++i) {
      for (const auto* name : {":1.0", ":1.1", ":1.2", ":1.3"}) {
        sd_bus_message* raw = nullptr;
        (void)sd_bus_message_new_signal(stranger.get(), &raw, kObject, kManager, "IncidentOpened");
        const MessageHandle message(raw);
        (void)sd_bus_message_append(raw, "sa{sv}", "lie", 0);
        (void)sd_bus_send_to(stranger.get(), raw, name, nullptr);
      }
      (void)sd_bus_flush(stranger.get());
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_EQ(::write(to.get(), "x", 1), 1);
  });
  int told = 0;
  EXPECT_TRUE(client.watch(
      [&](const Event&) {
        ++told;
        return true;
      },
      from.get()));
  liar.join();
  EXPECT_EQ(told, 0);
}

TEST_F(BusClient, NoticesTheBusEndingWhileWatching) {
  FakeGuardd guardd(bus_);
  guardd.repeats(say_incident);
  guardd.start();
  const auto done = client().watch(
      [&](const Event&) {
        bus_.stop();
        return true;
      },
      -1);
  expect_failure(done, Kind::kNotRunning, "lost the connection to the bus");
}

}  // namespace
}  // namespace guard::bus
