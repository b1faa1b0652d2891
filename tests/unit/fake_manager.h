// guardd's side of a bus, for tests: the service on a loop of its own, with a manager that the test
// controls.
#pragma once

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <atomic>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include "dbus/service/service.h"
#include "policy/base/handle.h"

namespace guard::testing {

class FakeManager final : public bus::Manager {
 public:
  bus::Facts facts() const override { return facts_; }
  std::vector<bus::PolicyFacts> policies() const override { return policies_; }
  bus::Counts beyond_limit(const std::string& policy) const override {
    const auto at = beyond_limit_.find(policy);
    return at == beyond_limit_.end() ? bus::Counts() : at->second;
  }
  void reload(bus::Reply<bus::NoValue> reply) override { reloader_.push_back(std::move(reply)); }
  void scan(const std::string& where, bool fix, const bus::Caller& caller, std::stop_token stop,
            bus::OnProgress progress, bus::Reply<bus::ScanTotals> reply) override {
    scanned_ = where;
    for (const auto& now : progress_) progress(now);
    caller_ = caller;
    stop_ = std::move(stop);
    if (denied_) return reply(*denied_);
    if (where == "never") return;
    reply(bus::ScanTotals{7, fix ? 5U : 0U});
  }
  void find_wrong(const std::string& where, std::size_t limit, std::stop_token /*stop*/,
                  bus::OnProgress progress,
                  bus::Reply<std::shared_ptr<const bus::WrongFiles>> reply) override {
    scanned_ = where;
    for (const auto& now : progress_) progress(now);
    auto wrong = std::make_shared<bus::WrongFiles>();
    wrong->files.assign(std::min<std::size_t>(limit, 3), wrong_);
    wrong->found = 7;
    reply(std::shared_ptr<const bus::WrongFiles>(wrong));
  }
  void explain(const bus::ExplainRequest& asked, const bus::Caller& /*caller*/,
               std::stop_token /*stop*/,
               bus::Reply<std::shared_ptr<const bus::ExplainReply>> reply) override {
    explained_ = asked.path;
    reply(bus::CallFailure{bus::Denial::kFailed, "nothing to explain"});
  }
  void pause(const std::string& policy, std::chrono::microseconds length, const std::string& reason,
             const bus::Caller& /*caller*/, bus::Reply<bus::NoValue> reply) override {
    paused_ = policy + " " + std::to_string(length.count()) + " " + reason;
    reply(bus::NoValue());
  }
  void resume(const std::string& /*policy*/, const bus::Caller& /*caller*/,
              bus::Reply<bus::NoValue> reply) override {
    reply(bus::CallFailure{bus::Denial::kNoSuchPolicy, "there is no such policy"});
  }
  void excuse(const bus::ExcuseResult& excused, const bus::Caller& /*caller*/,
              bus::Reply<bus::NoValue> reply) override {
    excused_ = excused;
    reply(bus::NoValue());
  }
  void incidents(const RecordFilter& filter, const bus::Caller& /*caller*/,
                 std::stop_token /*stop*/,
                 bus::Reply<std::vector<bus::IncidentFields>> reply) override {
    filter_ = filter;
    reply(incidents_);
  }
  void report(const RecordFilter& filter, const bus::Caller& /*caller*/, std::stop_token /*stop*/,
              bus::Reply<std::shared_ptr<const Report>> reply) override {
    filter_ = filter;
    reply(std::make_shared<const Report>(report_));
  }
  void learn(const RecordFilter& filter, const bus::Caller& /*caller*/, std::stop_token /*stop*/,
             bus::Reply<std::shared_ptr<const Lessons>> reply) override {
    filter_ = filter;
    reply(std::make_shared<const Lessons>(lessons_));
  }
  void undo(const bus::UndoRequest& asked, const bus::Caller& /*caller*/, std::stop_token /*stop*/,
            bus::Reply<std::shared_ptr<const bus::UndoCall>> reply) override {
    undone_ = asked;
    auto undoing = std::make_shared<bus::UndoCall>(undoing_);
    if (undoing->files.size() > asked.limit) undoing->files.resize(asked.limit);
    reply(std::shared_ptr<const bus::UndoCall>(undoing));
  }

  bus::Facts facts_;
  std::map<std::string, bus::Counts> beyond_limit_;
  std::vector<bus::PolicyFacts> policies_;
  std::vector<bus::Reply<bus::NoValue>> reloader_;
  std::vector<bus::IncidentFields> incidents_;
  Violation wrong_;
  Report report_;
  Lessons lessons_;
  std::optional<bus::CallFailure> denied_;
  RecordFilter filter_;
  std::string scanned_, explained_, paused_;
  std::vector<bus::ScanNow> progress_;  // sent by every scan
  bus::UndoRequest undone_;
  bus::UndoCall undoing_{{}, 3, 0};
  bus::ExcuseResult excused_;
  bus::Caller caller_;
  std::stop_token stop_;
};

inline bus::PolicyFacts policy_facts(const std::string& name) {
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

// The daemon's loop in a thread of its own; all access to the service and the manager runs there.
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
  void on_loop(const Deed& manual_repair) {
    std::promise<void> finished;
    {
      const std::lock_guard lock(mutex_);
      deeds_.push_back([&](auto& service, auto& manager) {
        manual_repair(service, manager);
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
    for (const auto& manual_repair : deeds) manual_repair(*house.service_, house.manager_);
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

}  // namespace guard::testing
