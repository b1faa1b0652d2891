// Who may do and see what on the bus.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
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
using testing::BusService;
using testing::FakeManager;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::PrivateBus;

TEST_F(BusService, ExcusesOnlyTheCaller) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root is permitted without polkit";
  const auto excused = [&] {
    return house_.ask<bus::ExcuseResult>([](auto&, FakeManager& m) { return m.excused_; });
  };
  EXPECT_FALSE(client_.excuse(" \n", "make"));
  EXPECT_FALSE(client_.excuse(std::string(401, 'x'), "make"));
  auto connection = bus_.connect();
  const auto ask = [&](int process) {
    return sd_bus_call_method(connection.get(), bus::kName, bus::kObject, bus::kManager, "Excuse",
                              nullptr, nullptr, "hss", process, "why", "make");
  };
  const Fd parent(static_cast<int>(::syscall(SYS_pidfd_open, ::getppid(), 0)));
  const Fd nothing(::open("/proc/self/fdinfo", O_RDONLY | O_CLOEXEC));
  EXPECT_LT(ask(parent.get()), 0);
  EXPECT_LT(ask(nothing.get()), 0);
  EXPECT_EQ(excused().pid, 0);
  EXPECT_TRUE(client_.excuse("ticket 7", "make " + std::string(5'000, 'x')));
  EXPECT_EQ(excused().pid, ::getpid());
  EXPECT_EQ(excused().reason, "ticket 7");
  EXPECT_EQ(excused().command.size(), 4'096U);
}

TEST_F(BusService, LimitsTheCallsOfOneCaller) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root is permitted without polkit";
  auto connection = bus_.connect();
  int busy = 0;
  const auto count = [](sd_bus_message* message, void* number, sd_bus_error* /*error*/) -> int {
    if (sd_bus_message_is_method_error(message, bus::error::kBusy) > 0)
      ++*static_cast<int*>(number);
    return 0;
  };
  constexpr int kCalls = 40;
  for (int i = 0; i < kCalls; ++i)
    ASSERT_GE(sd_bus_call_method_async(connection.get(), nullptr, bus::kName, bus::kObject,
                                       bus::kManager, "Scan", count, &busy, "sb", "never", 0),
              0);
  const auto until = std::chrono::steady_clock::now() + 3s;
  constexpr int kExpected = kCalls - static_cast<int>(bus::Calls::kMostOfOne);
  while (busy < kExpected && std::chrono::steady_clock::now() < until)
    if (sd_bus_process(connection.get(), nullptr) == 0) (void)sd_bus_wait(connection.get(), 20'000);
  EXPECT_EQ(busy, kExpected);
}

TEST_F(BusService, WithoutPolkitOnlyRootIsPermitted) {
  for (const auto* call :
       {"Reload", "Scan sb shop true", "FindWrong su shop 0", "Scan sb shop false",
        "Pause sts shop 1000000 why", "Resume s shop", "Undo s 1", "UndoFiles sbu 1 true 0"}) {
    const auto [status, said] = as_nobody(call);
    EXPECT_NE(status, 0) << call;
    EXPECT_THAT(said, HasSubstr("denied")) << call;
  }
  EXPECT_THAT(house_.ask<std::string>([](auto&, FakeManager& m) {
    return m.scanned_ + m.paused_ + m.undone_.incident;
  }),
              IsEmpty());
  EXPECT_TRUE(house_.ask<bool>([](auto&, FakeManager& m) { return m.reloader_.empty(); }));
}

TEST_F(BusService, ShowsCommandsOnlyToTrustedCallers) {
  house_.on_loop([](auto&, FakeManager& manager) {
    Incident incident;
    incident.id = "123456789";
    incident.first = git_violation();
    incident.first.actor.edit().cmdline = "git pull https://me:secret@example.org";
    incident.command = process(300, "git", "git pull https://me:secret@example.org");
    incident.shared.set();
    manager.incidents_ = {{incident, true, "alice left a file",
                           "sudo -u shop git pull https://me:secret@example.org"}};
  });
  for (const auto* call : {"ListIncidents a{sv} 0", "GetIncident s 123456789"}) {
    const auto [status, said] = as_nobody(call);
    EXPECT_EQ(status, 0) << said;
    EXPECT_THAT(said, HasSubstr("123456789"));
    EXPECT_THAT(said, Not(HasSubstr("secret")));
  }
  if (::geteuid() != 0) return;
  const auto incident = client_.get_incident("123456789");
  ASSERT_TRUE(incident);
  EXPECT_THAT(*bus::find<std::string>(*incident, "cmdline"), HasSubstr("secret"));
  EXPECT_THAT(*bus::find<std::string>(*incident, "instead"), HasSubstr("sudo -u shop"));
  EXPECT_EQ(*bus::find<std::string>(*incident, "text"), "alice left a file");
}

// A fake polkit.
class Polkit {
 public:
  Polkit(const PrivateBus& bus, bool may, bool could) : bus_(bus.connect()) {
    if (sd_bus_request_name(bus_.get(), "org.freedesktop.PolicyKit1", 0) < 0)
      throw std::runtime_error("no name");
    thread_ = std::thread([this, may, could] {
      while (!done_) {
        sd_bus_message* made = nullptr;
        const int code = sd_bus_process(bus_.get(), &made);
        const testing::MessageHandle message(made);
        if (made && sd_bus_message_is_method_call(made, nullptr, "CheckAuthorization") > 0)
          (void)sd_bus_reply_method_return(made, "(bba{ss})", may ? 1 : 0, could ? 1 : 0, 0);
        if (code == 0) (void)sd_bus_wait(bus_.get(), 20'000);
      }
    });
  }
  ~Polkit() {
    done_ = true;
    thread_.join();
  }

 private:
  testing::BusHandle bus_;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

TEST_F(BusService, AsksPolkit) {
  {
    const Polkit polkit(bus_, true, false);
    const auto [status, said] = as_nobody("Pause sts shop 60000000 'new disks'");
    EXPECT_EQ(status, 0) << said;
    EXPECT_EQ(house_.ask<std::string>([](auto&, FakeManager& m) { return m.paused_; }),
              "shop 60000000 new disks");
  }
  {
    const Polkit polkit(bus_, false, false);
    EXPECT_THAT(as_nobody("Undo s 1").second, HasSubstr("denied"));
  }
  const Polkit polkit(bus_, false, true);
  EXPECT_THAT(as_nobody("Undo s 1").second, HasSubstr("takes a password"));
  EXPECT_THAT(house_.ask<std::string>([](auto&, FakeManager& m) { return m.undone_.incident; }),
              IsEmpty());
}

}  // namespace
}  // namespace guard
