// guardd on a bus of the test's own, with a manager that does what the test says.

#include <gmock/gmock.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include "dbus/client.h"
#include "dbus/service.h"
#include "tests/unit/private_bus.h"
#include "tests/unit/records.h"

namespace guard {
namespace {

using namespace std::chrono_literals;
using bus::Refusal;
using bus::Refused;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::PrivateBus;

class FakeManager final : public bus::Manager {
 public:
  bus::Facts facts() const override { return facts_; }
  std::vector<bus::PolicyFacts> policies() const override { return policies_; }
  void reload(bus::Reply<bus::Done> reply) override { reloads_.push_back(std::move(reply)); }
  void scan(const std::string& where, bool fix, const bus::Caller& caller, std::stop_token stop,
            bus::Reply<bus::ScanTotals> reply) override {
    scanned_ = where;
    caller_ = caller;
    stop_ = std::move(stop);
    if (refused_) return reply(*refused_);
    if (where == "never") return;
    reply(bus::ScanTotals{7, fix ? 5U : 0U});
  }
  void explain(const bus::Asked& asked, const bus::Caller& /*caller*/, std::stop_token /*stop*/,
               bus::Reply<std::shared_ptr<const bus::Explained>> reply) override {
    explained_ = asked.path;
    reply(Refused{Refusal::kFailed, "nothing to explain"});
  }
  void pause(const std::string& policy, std::chrono::microseconds length, const std::string& reason,
             const bus::Caller& /*caller*/, bus::Reply<bus::Done> reply) override {
    paused_ = policy + " " + std::to_string(length.count()) + " " + reason;
    reply(bus::Done());
  }
  void resume(const std::string& /*policy*/, const bus::Caller& /*caller*/,
              bus::Reply<bus::Done> reply) override {
    reply(Refused{Refusal::kNoSuchPolicy, "there is no such policy"});
  }
  void incidents(const bus::IncidentFilter& filter, std::stop_token /*stop*/,
                 bus::Reply<std::vector<bus::ToldIncident>> reply) override {
    filter_ = filter;
    reply(incidents_);
  }
  void undo(const std::string& incident, const bus::Caller& /*caller*/, std::stop_token /*stop*/,
            bus::Reply<std::uint32_t> reply) override {
    undone_ = incident;
    reply(std::uint32_t{3});
  }

  bus::Facts facts_;
  std::vector<bus::PolicyFacts> policies_;
  std::vector<bus::Reply<bus::Done>> reloads_;
  std::vector<bus::ToldIncident> incidents_;
  std::optional<Refused> refused_;
  bus::IncidentFilter filter_;
  std::string scanned_, explained_, paused_, undone_;
  bus::Caller caller_;
  std::stop_token stop_;
};

bus::PolicyFacts policy(const std::string& name) {
  bus::PolicyFacts facts;
  facts.name = name;
  facts.paths = {"/srv/" + name};
  facts.owner = facts.group = "shop";
  facts.action = facts.effective_action = "fix";
  facts.state = "active";
  facts.guards = {"ownership"};
  facts.severity = "medium";
  facts.category = "service";
  facts.file = "/etc/guardd/policies.d/" + name + ".toml";
  facts.line = 1;
  return facts;
}

// The daemon's loop, in a thread of its own; what touches the service or the manager runs there.
class House {
 public:
  explicit House(const std::string& address) {
    manager_.facts_.version = "1";
    manager_.facts_.backend = "fanotify";
    manager_.facts_.health = "ok";
    manager_.facts_.generation = 1;
    thread_ = std::thread([this, address] { run(address); });
  }
  ~House() {
    on_loop([this](auto&, auto&) { done_ = true; });
    thread_.join();
  }
  House(const House&) = delete;
  House& operator=(const House&) = delete;

  using Deed = std::function<void(bus::Service&, FakeManager&)>;
  void on_loop(const Deed& deed) {
    std::promise<void> finished;
    {
      const std::lock_guard lock(mutex_);
      deeds_.push_back([&](auto& service, auto& manager) {
        deed(service, manager);
        finished.set_value();
      });
    }
    const std::uint64_t one = 1;
    (void)::write(wake_.get(), &one, sizeof one);
    finished.get_future().wait();
  }
  template <typename T>
  T ask(const std::function<T(bus::Service&, FakeManager&)>& question) {
    T answer{};
    on_loop([&](auto& service, auto& manager) { answer = question(service, manager); });
    return answer;
  }
  void tell(const Violation& violation) {
    on_loop([&](auto& service, auto&) { service.violation(violation); });
  }

 private:
  void run(const std::string& address) {
    sd_event* made = nullptr;
    ASSERT_GE(sd_event_new(&made), 0);
    const Handle<sd_event, sd_event_unref> loop(made);
    ASSERT_GE(sd_event_add_io(made, nullptr, wake_.get(), EPOLLIN, on_wake, this), 0);
    bus::Service service(made, address, manager_);
    service_ = &service;
    service.start();
    while (!done_) {
      service.tick(std::chrono::steady_clock::now());
      const auto next = service.next();
      std::uint64_t wait = 50'000;
      if (next && *next <= std::chrono::steady_clock::now()) wait = 0;
      ASSERT_GE(sd_event_run(made, wait), 0);
    }
    service.stop();
  }
  static int on_wake(sd_event_source* /*source*/, int fd, std::uint32_t /*events*/,
                     void* self) noexcept {
    auto& house = *static_cast<House*>(self);
    std::uint64_t count = 0;
    (void)::read(fd, &count, sizeof count);
    std::vector<Deed> deeds;
    {
      const std::lock_guard lock(house.mutex_);
      deeds.swap(house.deeds_);
    }
    for (const auto& deed : deeds) deed(*house.service_, house.manager_);
    return 0;
  }

  Fd wake_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::mutex mutex_;
  std::vector<Deed> deeds_;
  FakeManager manager_;
  bus::Service* service_ = nullptr;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

// What a command says and how it ends.
std::pair<int, std::string> shell(const std::string& command) {
  std::string said;
  auto* pipe = ::popen((command + " 2>&1").c_str(), "r");  // NOLINT(cert-env33-c)
  if (!pipe) return {-1, ""};
  std::array<char, 4096> buffer{};
  while (const auto got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    said.append(buffer.data(), got);
  return {::pclose(pipe), said};
}

class BusService : public ::testing::Test {
 protected:
  BusService() : house_(bus_.address()), client_(*bus::Client::open(bus_.address())) {
    client_.set_patience({5s, 5s, 5s});
    wait_for_name();
  }
  void wait_for_name() {
    for (int tries = 0; tries < 100; ++tries) {
      if (client_.status()) return;
      std::this_thread::sleep_for(20ms);
    }
    FAIL() << "guardd does not get its name";
  }
  // What everybody hears until `last` of them came or a while has passed.
  std::vector<bus::Event> heard(const std::function<void()>& deed,
                                const std::function<bool(const std::vector<bus::Event>&)>& all) {
    std::vector<bus::Event> events;
    auto listener = *bus::Client::open(bus_.address());
    const Fd stop(::eventfd(0, EFD_CLOEXEC));
    std::promise<void> listening;
    std::atomic<bool> is_listening = false;
    std::thread thread([&] {
      (void)listener.watch(
          [&](const bus::Event& event) {
            if (event.what == bus::Event::What::kReloaded && event.generation == 4'000'000'000) {
              if (!is_listening.exchange(true)) listening.set_value();
              return true;
            }
            events.push_back(event);
            return !all(events);
          },
          stop.get());
    });
    // Until it hears something it does not listen.
    const auto heard_it = listening.get_future();
    while (heard_it.wait_for(10ms) != std::future_status::ready) {
      house_.on_loop([](auto& service, FakeManager& manager) {
        const auto before = std::exchange(manager.facts_.generation, 4'000'000'000);
        service.reloaded();
        manager.facts_.generation = before;
      });
    }
    deed();
    std::thread deadline([&] {
      pollfd end{stop.get(), POLLIN, 0};
      if (::poll(&end, 1, 8'000) == 0) {
        const std::uint64_t one = 1;
        (void)::write(stop.get(), &one, sizeof one);
      }
    });
    thread.join();
    const std::uint64_t one = 1;
    (void)::write(stop.get(), &one, sizeof one);
    deadline.join();
    return events;
  }
  // As somebody who is not root, which is all that a bus tells of a caller.
  std::pair<int, std::string> as_nobody(const std::string& call) const {
    const std::string nobody =
        ::geteuid() == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups " : "";
    return shell(nobody + "busctl --address=" + bus_.address() + " call " + bus::kName + " " +
                 bus::kObject + " " + bus::kManager + " " + call);
  }

  PrivateBus bus_;
  House house_;
  bus::Client client_;
};

TEST_F(BusService, SaysHowItStands) {
  house_.on_loop([](auto& service, FakeManager& manager) {
    manager.facts_.health = "degraded";
    manager.facts_.health_reason = "one; two";
    manager.policies_ = {policy("shop"), policy("a.b-c_d")};
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
  FAIL() << "the policies are no objects";
}

TEST_F(BusService, TellsEachViolationOnceWithWhatBecameOfIt) {
  const auto events =
      heard([&] { house_.tell(git_violation()); }, [](const auto& all) { return !all.empty(); });
  ASSERT_EQ(events.size(), 1U);
  const auto& record = events[0].record;
  EXPECT_EQ(*bus::find<std::string>(record, "action"), "fixed");
  EXPECT_EQ(*bus::find<std::string>(record, "path"), "/srv/shop/index.html");
  EXPECT_EQ(*bus::find<std::uint64_t>(record, "login_uid"), 1000U);
  EXPECT_FALSE(bus::find(record, "folded"));
  // What somebody typed is told to who may know, not to everybody.
  EXPECT_FALSE(bus::find(record, "cmdline"));
  for (const auto& each : *bus::find<bus::List>(record, "lineage"))
    EXPECT_FALSE(bus::find(*each.as<bus::Map>(), "cmdline"));
}

TEST_F(BusService, FoldsWhatIsMoreThanAClientCouldWant) {
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

TEST_F(BusService, TakesAnyNameThereIs) {
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

TEST_F(BusService, TellsWhatHasChanged) {
  const auto monitor = [&](const std::function<void()>& deed) {
    auto connection = bus_.connect();
    (void)sd_bus_add_match(connection.get(), nullptr,
                           "type='signal',interface='org.freedesktop.DBus.Properties'", nullptr,
                           nullptr);
    deed();
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
    manager.policies_ = {policy("shop")};
    service.changed();
  });
  const auto changed = monitor([&] {
    house_.on_loop([](auto& service, FakeManager& manager) {
      manager.facts_.health = "paused";
      manager.policies_[0].state = "paused";
      service.changed();
      manager.facts_.violations += 1;
      service.violation(git_violation());
    });
  });
  for (const auto* name : {"Health ", "State ", "Violations ", "Fixed "})
    EXPECT_THAT(changed, HasSubstr(name));
}

TEST_F(BusService, ALongCallHoldsUpNobody) {
  auto other = *bus::Client::open(bus_.address());
  std::thread waiting([&] { EXPECT_TRUE(other.reload() || ::geteuid() != 0); });
  for (int tries = 0; ::geteuid() == 0 && tries < 200; ++tries) {
    if (house_.ask<bool>([](auto&, FakeManager& m) { return !m.reloads_.empty(); })) break;
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_TRUE(client_.status());
  house_.on_loop([](auto&, FakeManager& manager) {
    for (const auto& reply : manager.reloads_) reply(bus::Done());
  });
  waiting.join();
}

TEST_F(BusService, EndsWhatNobodyWaitsForAnyMore) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may scan where there is no polkit";
  {
    auto other = *bus::Client::open(bus_.address());
    other.set_patience({100ms, 100ms, 100ms});
    EXPECT_FALSE(other.scan("never", false));
    EXPECT_FALSE(house_.ask<bool>([](auto&, FakeManager& m) { return m.stop_.stop_requested(); }));
  }
  for (int tries = 0; tries < 200; ++tries) {
    if (house_.ask<bool>([](auto&, FakeManager& m) { return m.stop_.stop_requested(); })) return;
    std::this_thread::sleep_for(10ms);
  }
  FAIL() << "the scan goes on although its caller has left";
}

TEST_F(BusService, SaysWhyNot) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may where there is no polkit";
  const std::array<std::pair<Refusal, bus::Kind>, 5> all{
      {{Refusal::kNoSuchPolicy, bus::Kind::kNoSuchPolicy},
       {Refusal::kInvalidPolicy, bus::Kind::kInvalidPolicy},
       {Refusal::kInvalidArgument, bus::Kind::kInvalid},
       {Refusal::kBusy, bus::Kind::kBusy},
       {Refusal::kFailed, bus::Kind::kFailed}}};
  for (const auto& [refusal, kind] : all) {
    house_.on_loop([why = refusal](auto&, FakeManager& manager) {
      manager.refused_ = Refused{why, "a sentence \xff of our own"};
    });
    const auto answer = client_.scan("shop", true);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().kind, kind);
    EXPECT_THAT(answer.error().text, HasSubstr("of our own"));
  }
}

TEST_F(BusService, OnlySoManyCallsOfOneAtATime) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may where there is no polkit";
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

TEST_F(BusService, WithoutPolkitOnlyRootMay) {
  for (const auto* call : {"Reload", "Scan sb shop true", "Scan sb shop false",
                           "Pause sts shop 1000000 why", "Resume s shop", "Undo s 1"}) {
    const auto [status, said] = as_nobody(call);
    EXPECT_NE(status, 0) << call;
    EXPECT_THAT(said, HasSubstr("denied")) << call;
  }
  EXPECT_THAT(house_.ask<std::string>(
                  [](auto&, FakeManager& m) { return m.scanned_ + m.paused_ + m.undone_; }),
              IsEmpty());
  EXPECT_TRUE(house_.ask<bool>([](auto&, FakeManager& m) { return m.reloads_.empty(); }));
}

TEST_F(BusService, TellsEverybodyWhatHappenedButNotWhatWasTyped) {
  house_.on_loop([](auto&, FakeManager& manager) {
    Incident incident;
    incident.id = "123456789";
    incident.first = git_violation();
    incident.first.actor.cmdline = "git pull https://me:secret@example.org";
    incident.command = process(300, "git", "git pull https://me:secret@example.org");
    incident.shared.set();
    manager.incidents_ = {{incident, true, "sudo -u shop git pull https://me:secret@example.org"}};
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
}

TEST_F(BusService, RefusesWhatMakesNoSense) {
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
  const auto filter =
      house_.ask<bus::IncidentFilter>([](auto&, FakeManager& m) { return m.filter_; });
  EXPECT_EQ(filter.since->time_since_epoch(), 1s);
  EXPECT_GT(*filter.until, *filter.since);
  EXPECT_EQ(filter.policy, "shop");
  EXPECT_EQ(filter.login, "alice");
  EXPECT_EQ(filter.severity, Severity::kHigh);
  EXPECT_EQ(filter.path, "/srv/x");
  EXPECT_EQ(filter.limit, 1'000U);
}

// Somebody who passes for polkit.
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

TEST_F(BusService, PolkitSaysWhoMay) {
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
  EXPECT_THAT(house_.ask<std::string>([](auto&, FakeManager& m) { return m.undone_; }), IsEmpty());
}

TEST_F(BusService, ComesBackWithItsBus) {
  house_.on_loop([](auto&, FakeManager& manager) { manager.policies_ = {policy("shop")}; });
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

TEST(BusServiceAlone, WaitsForABusThatIsNotThereYet) {
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

TEST(BusServiceAlone, SaysThatAnotherHasItsName) {
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
  FAIL() << "it does not say so";
}

}  // namespace
}  // namespace guard
