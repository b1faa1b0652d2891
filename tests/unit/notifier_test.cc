// guardd-notifier between a guardd and a desktop that are the test's, on two private buses.
#include "dbus/notifier/notifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <optional>

#include "dbus/names.h"
#include "tests/unit/private_bus.h"

namespace guard::testing {
namespace {

using namespace std::chrono_literals;
using bus::Note;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

struct ShownNote {
  std::uint32_t id = 0;
  std::uint32_t replaces = 0;
  std::string title;
  std::string text;
  std::vector<std::string> actions;
  int urgency = -1;
};

// A notification server that keeps what it is asked to show.
class FakeDesktop {
 public:
  explicit FakeDesktop(const PrivateBus& bus, bool has_markup = true)
      : bus_(bus.connect()), has_markup_(has_markup) {
    if (sd_bus_request_name(bus_.get(), "org.freedesktop.Notifications", 0) < 0)
      throw std::runtime_error("the name is taken");
  }

  void work() {
    sd_bus_message* raw = nullptr;
    while (sd_bus_process(bus_.get(), &raw) > 0) {
      const MessageHandle message(std::exchange(raw, nullptr));
      if (!message) continue;
      if (sd_bus_message_is_method_call(message.get(), nullptr, "GetCapabilities") > 0)
        (void)sd_bus_reply_method_return(message.get(), "as", 3, "body", "actions",
                                         has_markup_ ? "body-markup" : "persistence");
      if (sd_bus_message_is_method_call(message.get(), nullptr, "Notify") > 0) take(message.get());
    }
  }
  void act(std::uint32_t id, const char* action) {
    (void)sd_bus_emit_signal(bus_.get(), kObject, kName, "ActionInvoked", "us", id, action);
  }
  void close(std::uint32_t id, std::uint32_t reason) {
    (void)sd_bus_emit_signal(bus_.get(), kObject, kName, "NotificationClosed", "uu", id, reason);
  }

  std::vector<ShownNote> shown;

 private:
  static constexpr const char* kName = "org.freedesktop.Notifications";
  static constexpr const char* kObject = "/org/freedesktop/Notifications";

  void take(sd_bus_message* call) {
    ShownNote note;
    const char* program = nullptr;
    const char* icon = nullptr;
    const char* title = nullptr;
    const char* text = nullptr;
    ASSERT_GE(sd_bus_message_read(call, "susss", &program, &note.replaces, &icon, &title, &text),
              0);
    note.title = title;
    note.text = text;
    const char* action = nullptr;
    ASSERT_GE(sd_bus_message_enter_container(call, 'a', "s"), 0);
    while (sd_bus_message_read(call, "s", &action) > 0) note.actions.emplace_back(action);
    ASSERT_GE(sd_bus_message_exit_container(call), 0);
    ASSERT_GE(sd_bus_message_enter_container(call, 'a', "{sv}"), 0);
    const char* key = nullptr;
    while (sd_bus_message_enter_container(call, 'e', "sv") > 0) {
      ASSERT_GE(sd_bus_message_read(call, "s", &key), 0);
      std::uint8_t urgency = 0;
      if (std::string(key) == "urgency") {
        ASSERT_GE(sd_bus_message_read(call, "v", "y", &urgency), 0);
        note.urgency = urgency;
      } else {
        ASSERT_GE(sd_bus_message_skip(call, "v"), 0);
      }
      ASSERT_GE(sd_bus_message_exit_container(call), 0);
    }
    note.id = note.replaces != 0 ? note.replaces : ++last_;
    (void)sd_bus_reply_method_return(call, "u", note.id);
    shown.push_back(std::move(note));
  }

  BusHandle bus_;
  bool has_markup_;
  std::uint32_t last_ = 0;
};

struct FakeIncident {
  std::string severity = "medium";
  std::string path = "/srv/shop/index.html";
  std::uint64_t fixed = 1;
  bool is_closed = false;
};

class FakeService {
 public:
  explicit FakeService(const PrivateBus& bus) : bus_(bus.connect()) {
    if (sd_bus_request_name(bus_.get(), bus::kName, 0) < 0)
      throw std::runtime_error("the name is taken");
  }

  void work() {
    sd_bus_message* raw = nullptr;
    while (sd_bus_process(bus_.get(), &raw) > 0) {
      const MessageHandle message(std::exchange(raw, nullptr));
      if (!message) continue;
      const char* id = nullptr;
      if (sd_bus_message_is_method_call(message.get(), nullptr, "GetIncident") > 0) {
        ++fetched;
        ASSERT_GE(sd_bus_message_read(message.get(), "s", &id), 0);
        answer(message.get(), id);
      }
      if (sd_bus_message_is_method_call(message.get(), nullptr, "Undo") > 0) {
        ASSERT_GE(sd_bus_message_read(message.get(), "s", &id), 0);
        EXPECT_GT(sd_bus_message_get_allow_interactive_authorization(message.get()), 0);
        undone.emplace_back(id);
        const sd_bus_error error{bus::error::kAccessDenied, "you may <b>not</b> do this", 0};
        if (denies_undo)
          (void)sd_bus_reply_method_error(message.get(), &error);
        else
          (void)sd_bus_reply_method_return(message.get(), "u", 3);
      }
    }
  }
  void signal(const char* member, const std::string& id) {
    sd_bus_message* raw = nullptr;
    ASSERT_GE(sd_bus_message_new_signal(bus_.get(), &raw, bus::kObject, bus::kManager, member), 0);
    const MessageHandle message(raw);
    ASSERT_GE(sd_bus_message_append(raw, "s", id.c_str()), 0);
    append(raw, id);
    ASSERT_GE(sd_bus_send(bus_.get(), raw, nullptr), 0);
  }

  std::map<std::string, FakeIncident> incidents;
  std::vector<std::string> undone;
  bool denies_undo = false;
  int fetched = 0;

 private:
  void append(sd_bus_message* to, const std::string& id) {
    const auto& incident = incidents[id];
    ASSERT_GE(sd_bus_message_append(to, "a{sv}", 8, "id", "s", id.c_str(), "state", "s",
                                    incident.is_closed ? "closed" : "opened", "policy", "s", "shop",
                                    "severity", "s", incident.severity.c_str(), "login_user", "s",
                                    "alice", "count", "t", incident.fixed, "sample", "as", 1,
                                    incident.path.c_str(), "totals", "a{sv}", 1, "fixed", "t",
                                    incident.fixed),
              0);
  }
  void answer(sd_bus_message* call, const std::string& id) {
    if (!incidents.contains(id)) {
      const sd_bus_error error{bus::error::kNoSuchIncident, "no such incident", 0};
      (void)sd_bus_reply_method_error(call, &error);
      return;
    }
    sd_bus_message* raw = nullptr;
    ASSERT_GE(sd_bus_message_new_method_return(call, &raw), 0);
    const MessageHandle reply(raw);
    append(raw, id);
    (void)sd_bus_send(bus_.get(), raw, nullptr);
  }

  BusHandle bus_;
};

class NotifierTest : public ::testing::Test {
 protected:
  NotifierTest() {
    ::setenv("DBUS_SYSTEM_BUS_ADDRESS", system_.address().c_str(), 1);    // NOLINT
    ::setenv("DBUS_SESSION_BUS_ADDRESS", session_.address().c_str(), 1);  // NOLINT
    sd_event* made = nullptr;
    (void)sd_event_new(&made);
    loop_.reset(made);
  }

  void start(Severity least = Severity::kInfo) {
    notifier_.emplace(loop_.get(), least);
    const auto started = notifier_->start();
    ASSERT_TRUE(started) << started.error().text();
  }
  void run_for(std::chrono::milliseconds time) {
    const auto until = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < until) turn();
  }
  void run_until(const std::function<bool()>& is_so) {
    const auto until = std::chrono::steady_clock::now() + 5s;
    while (!is_so() && std::chrono::steady_clock::now() < until) turn();
    EXPECT_TRUE(is_so());
  }
  void turn() {
    (void)sd_event_run(loop_.get(), 2'000);
    if (guardd_) guardd_->work();
    if (desktop_) desktop_->work();
  }
  void open(const std::string& id, FakeIncident incident = {}) {
    guardd_->incidents[id] = std::move(incident);
    guardd_->signal("IncidentOpened", id);
  }
  void close(const std::string& id, std::uint64_t fixed) {
    guardd_->incidents[id].is_closed = true;
    guardd_->incidents[id].fixed = fixed;
    guardd_->signal("IncidentClosed", id);
  }
  auto shows(std::size_t count) {
    return [this, count] { return desktop_->shown.size() == count; };
  }
  ShownNote& last() { return desktop_->shown.back(); }

  PrivateBus system_;
  PrivateBus session_;
  Handle<sd_event, sd_event_unref> loop_;
  std::optional<FakeDesktop> desktop_{session_};
  std::optional<FakeService> guardd_{system_};
  std::optional<bus::Notifier> notifier_;
};

TEST_F(NotifierTest, AnIncidentIsOneNotificationThatGrows) {
  start();
  open("one");
  run_until(shows(1));
  EXPECT_EQ(last().title, "shop: 1 fixed");
  EXPECT_EQ(last().text, "alice\n/srv/shop/index.html");
  EXPECT_EQ(last().urgency, 1);
  EXPECT_THAT(last().actions,
              ElementsAre("default", "Details", "details", "Details", "undo", "Undo"));
  guardd_->incidents["one"].fixed = 12;
  run_until(shows(2));
  EXPECT_EQ(last().replaces, desktop_->shown[0].id);
  EXPECT_EQ(last().title, "shop: 12 fixed");
  EXPECT_EQ(last().text, "alice\n/srv/shop/index.html\n… and 11 more");
  close("one", 20);
  run_until(shows(3));
  EXPECT_EQ(last().replaces, desktop_->shown[0].id);
  const auto fetched = guardd_->fetched;
  run_for(3s);  // it has ended: guardd is not asked again
  EXPECT_EQ(guardd_->fetched, fetched);
  EXPECT_THAT(desktop_->shown, SizeIs(3));
}

TEST_F(NotifierTest, TheSeverityIsTheUrgencyAndALowOneCanBeLeftOut) {
  start(Severity::kLow);
  open("low", {.severity = "low"});
  run_until(shows(1));
  EXPECT_EQ(last().urgency, 0);
  open("info", {.severity = "info"});
  open("high", {.severity = "high"});
  run_until(shows(2));
  EXPECT_EQ(last().urgency, 2);
  run_for(200ms);
  EXPECT_THAT(desktop_->shown, SizeIs(2));
}

TEST_F(NotifierTest, HostileNamesAreText) {
  start();
  open("one",
       {.path = "/srv/<img src=\"http://evil/\"/>&amp;\n\x1b[31m<b>'" + std::string(5000, 'x')});
  run_until(shows(1));
  EXPECT_THAT(
      last().text,
      HasSubstr("/srv/&lt;img src=&quot;http://evil/&quot;/&gt;&amp;amp;\\n\\x1b[31m&lt;b&gt;"
                "&apos;xxx"));
  EXPECT_THAT(last().text, Not(HasSubstr("<")));
  EXPECT_LT(last().text.size(), 500U);
}

TEST_F(NotifierTest, ADesktopWithoutMarkupGetsPlainText) {
  desktop_.reset();
  desktop_.emplace(session_, false);
  start();
  open("one", {.path = "/srv/a&b"});
  run_until(shows(1));
  EXPECT_THAT(last().text, HasSubstr("/srv/a&b"));
}

TEST_F(NotifierTest, DetailsAreASecondNotification) {
  start();
  open("one");
  run_until(shows(1));
  desktop_->act(last().id, "details");
  run_until(shows(2));
  EXPECT_EQ(last().replaces, 0U);
  EXPECT_THAT(last().text, HasSubstr("Who: alice\n"));
  EXPECT_THAT(last().text, HasSubstr("guardctl show-incident one"));
  EXPECT_THAT(last().actions, IsEmpty());
}

TEST_F(NotifierTest, UndoAsksGuarddAndShowsItsAnswer) {
  start();
  open("one");
  run_until(shows(1));
  const auto id = last().id;
  desktop_->act(id, "undo");
  run_until(shows(2));
  EXPECT_THAT(guardd_->undone, ElementsAre("one"));
  EXPECT_EQ(last().title, "shop: undone: 3 files");
  guardd_->denies_undo = true;
  desktop_->act(id, "undo");
  run_until(shows(3));
  EXPECT_EQ(last().title, "shop: not undone");
  EXPECT_EQ(last().text, "you may &lt;b&gt;not&lt;/b&gt; do this");
  desktop_->act(4711, "undo");  // of another program
  run_for(100ms);
  EXPECT_THAT(guardd_->undone, SizeIs(2));
}

TEST_F(NotifierTest, ADismissedIncidentDoesNotComeBack) {
  start();
  open("one");
  run_until(shows(1));
  desktop_->close(last().id, 2);
  close("one", 50);
  run_for(300ms);
  EXPECT_THAT(desktop_->shown, SizeIs(1));
}

TEST_F(NotifierTest, AnExpiredNotificationComesBackOnceWithTheTotals) {
  start();
  open("one");
  run_until(shows(1));
  desktop_->close(last().id, 1);
  guardd_->incidents["one"].fixed = 10;
  run_for(2500ms);
  EXPECT_THAT(desktop_->shown, SizeIs(1));
  close("one", 50);
  run_until(shows(2));
  EXPECT_EQ(last().replaces, 0U);
  EXPECT_EQ(last().title, "shop: 50 fixed");
}

TEST_F(NotifierTest, AFloodOfIncidentsIsAFewNotificationsAndACount) {
  start();
  for (int i = 0; i < 1000; ++i) open(std::to_string(i));
  run_until(
      [&] { return !desktop_->shown.empty() && last().title == "guardd: 995 more incidents"; });
  EXPECT_LE(desktop_->shown.size(), 8U);
  EXPECT_LE(guardd_->fetched, 30);
}

TEST_F(NotifierTest, OutlivesTheDesktopsServer) {
  start();
  open("one");
  run_until(shows(1));
  desktop_.reset();
  run_for(100ms);
  open("two");
  run_for(100ms);
  desktop_.emplace(session_);
  run_until(shows(1));
  EXPECT_EQ(last().replaces, 0U);
  EXPECT_EQ(last().id, 1U);
  desktop_->act(1, "undo");
  run_until([&] { return !guardd_->undone.empty(); });
  EXPECT_THAT(guardd_->undone, ElementsAre("two"));
}

TEST_F(NotifierTest, OutlivesGuardd) {
  start();
  open("one");
  run_until(shows(1));
  guardd_.reset();
  run_for(3s);
  EXPECT_THAT(desktop_->shown, SizeIs(1));
  guardd_.emplace(system_);
  open("two");
  run_until(shows(2));
  EXPECT_EQ(last().replaces, 0U);
}

TEST_F(NotifierTest, AnotherOneInTheSessionDoesNotStart) {
  start();
  bus::Notifier second(loop_.get(), Severity::kInfo);
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code(), EEXIST);
}

// Only the owner of guardd's name is believed.
TEST_F(NotifierTest, AnotherUserOfTheBusCannotImitateGuardd) {
  start();
  auto stranger = system_.connect();
  ASSERT_GE(sd_bus_emit_signal(stranger.get(), bus::kObject, bus::kManager, "IncidentOpened",
                               "sa{sv}", "fake", 0),
            0);
  (void)sd_bus_flush(stranger.get());
  run_for(300ms);
  EXPECT_EQ(guardd_->fetched, 0);
  EXPECT_THAT(desktop_->shown, IsEmpty());
}

}  // namespace
}  // namespace guard::testing
