// Units started over a bus whose systemd is the test's: one that answers, rejects, is silent, or is
// not there.
#include "guardd/alert/unit_starter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "guardd/alert/alert_units.h"
#include "guardd/base/event_loop.h"
#include "tests/unit/private_bus.h"

namespace guard {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class FakeSystemd {
 public:
  explicit FakeSystemd(const testing::PrivateBus& bus) : bus_(bus.connect()) {
    if (sd_bus_request_name(bus_.get(), "org.freedesktop.systemd1", 0) < 0)
      throw std::runtime_error("the name is taken");
    thread_ = std::thread([this] { run(); });
  }
  ~FakeSystemd() {
    done_ = true;
    thread_.join();
  }
  FakeSystemd(const FakeSystemd&) = delete;
  FakeSystemd& operator=(const FakeSystemd&) = delete;

  std::atomic<const char*> result = "done";  // null: the job does not end
  std::atomic<bool> is_silent = false;
  std::atomic<int> started = 0;

 private:
  void run() {
    while (!done_) {
      sd_bus_message* raw = nullptr;
      const int code = sd_bus_process(bus_.get(), &raw);
      const testing::MessageHandle message(raw);
      if (code < 0) return;
      if (message && sd_bus_message_is_method_call(raw, nullptr, "Subscribe") > 0) {
        is_subscribed_ = true;
      } else if (message && sd_bus_message_is_method_call(raw, nullptr, "StartUnit") > 0) {
        if (!is_silent) serve(raw);
      } else if (code == 0) {
        (void)sd_bus_wait(bus_.get(), 10'000);
      }
    }
  }

  void serve(sd_bus_message* call) {
    const char* unit = nullptr;
    const char* mode = nullptr;
    ASSERT_GE(sd_bus_message_read(call, "ss", &unit, &mode), 0);
    ++started;
    EXPECT_TRUE(is_subscribed_);
    if (std::string(unit).find("missing") != std::string::npos) {
      const std::string text = "Unit " + std::string(unit) + " not found.";
      const sd_bus_error error{"org.freedesktop.systemd1.NoSuchUnit", text.c_str(), 0};
      (void)sd_bus_reply_method_error(call, &error);
      return;
    }
    const std::string job = "/org/freedesktop/systemd1/job/" + std::to_string(started.load());
    (void)sd_bus_reply_method_return(call, "o", job.c_str());
    if (const char* ended = result)
      (void)sd_bus_emit_signal(
          bus_.get(), "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "JobRemoved",
          "uoss", static_cast<std::uint32_t>(started.load()), job.c_str(), unit, ended);
  }

  testing::BusHandle bus_;
  std::atomic<bool> done_ = false;
  bool is_subscribed_ = false;
  std::thread thread_;
};

class UnitStarterTest : public ::testing::Test {
 protected:
  UnitStarterTest() { EXPECT_TRUE(loop_.open()); }

  // Turns of the loop until something is so.
  void run_until(UnitStarter& starter, const std::function<bool()>& is_so) {
    const auto until = std::chrono::steady_clock::now() + 5s;
    while (!is_so()) {
      ASSERT_LT(std::chrono::steady_clock::now(), until);
      turn(starter);
    }
  }
  void turn(UnitStarter& starter) {
    starter.work(std::chrono::steady_clock::now());
    (void)sd_event_run(loop_.get(), 10'000);
  }
  UnitStarter::Result result_of(UnitStarter& starter) {
    std::vector<UnitStarter::Result> all;
    run_until(starter, [&] {
      all = starter.take_results();
      return !all.empty();
    });
    return all.empty() ? UnitStarter::Result() : all.front();
  }
  static SteadyTime now() { return std::chrono::steady_clock::now(); }

  EventLoop loop_;
  testing::PrivateBus bus_;
};

TEST_F(UnitStarterTest, TellsHowAStartEnded) {
  FakeSystemd systemd(bus_);
  UnitStarter starter(loop_.get(), bus_.address());
  starter.start("a@x.service", now());
  EXPECT_FALSE(starter.is_idle("a@x.service"));
  EXPECT_EQ(result_of(starter).error, "");
  EXPECT_TRUE(starter.is_idle("a@x.service"));
  systemd.result = "failed";
  starter.start("a@x.service", now());
  EXPECT_EQ(result_of(starter).error, "it ended with the result \"failed\"");
  starter.start("missing@x.service", now());
  const auto missing = result_of(starter);
  EXPECT_EQ(missing.unit, "missing@x.service");
  EXPECT_EQ(missing.error, "Unit missing@x.service not found");
  turn(starter);
  EXPECT_FALSE(starter.next());  // no connection, and nothing to do
  EXPECT_EQ(starter.trouble(), "");
}

TEST_F(UnitStarterTest, WaitsForSystemdAndSaysSo) {
  UnitStarter starter(loop_.get(), bus_.address());
  starter.start("a@x.service", now());
  starter.start("b@x.service", now());
  run_until(starter, [&] { return !starter.trouble().empty(); });
  EXPECT_THAT(starter.trouble(), HasSubstr("systemd does not answer on the bus: "));
  EXPECT_THAT(starter.trouble(), HasSubstr("; 2 units wait"));
  FakeSystemd systemd(bus_);
  run_until(starter,
            [&] { return starter.is_idle("a@x.service") && starter.is_idle("b@x.service"); });
  EXPECT_EQ(starter.take_results().size(), 2U);
  EXPECT_EQ(starter.trouble(), "");
}

TEST_F(UnitStarterTest, WaitsForTheBusAndSaysSo) {
  bus_.stop();
  UnitStarter starter(loop_.get(), bus_.address());
  starter.start("a@x.service", now());
  run_until(starter, [&] { return !starter.trouble().empty(); });
  EXPECT_THAT(starter.trouble(), HasSubstr("; 1 unit waits"));
  ASSERT_TRUE(starter.next());
  EXPECT_GT(*starter.next(), now() - 1s);  // the loop does not spin
  bus_.start();
  FakeSystemd systemd(bus_);
  EXPECT_EQ(result_of(starter).error, "");
}

TEST_F(UnitStarterTest, ABusThatRestartsLosesNoStart) {
  UnitStarter starter(loop_.get(), bus_.address());
  {
    FakeSystemd systemd(bus_);
    systemd.is_silent = true;
    starter.start("a@x.service", now());
    for (int i = 0; i < 20; ++i) turn(starter);
    bus_.stop();
  }
  EXPECT_FALSE(starter.is_idle("a@x.service"));
  bus_.start();
  FakeSystemd systemd(bus_);
  EXPECT_EQ(result_of(starter).error, "");
  EXPECT_EQ(systemd.started, 1);
}

TEST_F(UnitStarterTest, AUnitThatHangsBlocksNothingForEver) {
  FakeSystemd systemd(bus_);
  systemd.result = nullptr;
  UnitStarter starter(loop_.get(), bus_.address());
  starter.start("a@x.service", now());
  run_until(starter, [&] { return systemd.started == 1; });
  for (int i = 0; i < 20; ++i) turn(starter);
  EXPECT_FALSE(starter.is_idle("a@x.service"));
  ASSERT_TRUE(starter.next());
  EXPECT_GT(*starter.next(), now() + 1min);
  starter.work(now() + 3min);
  EXPECT_TRUE(starter.is_idle("a@x.service"));
  EXPECT_EQ(starter.take_results().front().error, "it has been running for more than 2 minutes");
}

TEST_F(UnitStarterTest, WithoutABusItSaysSo) {
  UnitStarter starter(loop_.get(), std::nullopt);
  starter.start("a@x.service", now());
  turn(starter);
  EXPECT_EQ(starter.trouble(), "guardd is on no bus, so it cannot start units");
  EXPECT_FALSE(starter.next());
}

TEST_F(UnitStarterTest, TheEndOfGuarddSendsWhatWaits) {
  FakeSystemd systemd(bus_);
  UnitStarter starter(loop_.get(), bus_.address());
  starter.start("a@x.service", now());
  starter.finish(2s);
  EXPECT_EQ(systemd.started, 1);
}

TEST_F(UnitStarterTest, AnAlertThatFailedIsNamedUntilItWorks) {
  FakeSystemd systemd(bus_);
  AlertSettings alert;
  alert.name = "x";
  alert.unit = "missing@.service";
  testing::TemporaryDirectory directory;
  AlertUnits units(loop_.get(), bus_.address(), directory / "alerts");
  const auto run = [&] {
    for (int i = 0; i < 500 && !units.can_start(alert); ++i) {
      units.work(now());
      (void)sd_event_run(loop_.get(), 10'000);
    }
    units.work(now());
  };
  AlertFacts facts;
  facts.text("path", "/srv");
  units.start(alert, facts);
  run();
  EXPECT_EQ(units.trouble(),
            "the alert missing@x.service failed: Unit missing@x.service not found, see "
            "journalctl -u missing@x.service");
  struct stat file {};
  ASSERT_EQ(::stat((directory / "alerts/x.env").c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07777U, 0600U);
  units.forget_failures();
  EXPECT_EQ(units.trouble(), "");
}

}  // namespace
}  // namespace guard
