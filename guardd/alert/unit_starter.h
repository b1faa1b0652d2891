// Starts units through systemd, over the bus, and learns how they ended. Holds a connection only
// while there is something to do. Never waits: a start that got no answer is tried again until
// there is one. Holds one start for each unit. Runs on the daemon's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <systemd/sd-event.h>

#include "dbus/handles.h"
#include "guardd/host/clock.h"

namespace guard {

class UnitStarter {
 public:
  static constexpr auto kShortestWait = std::chrono::milliseconds(500);
  static constexpr auto kLongestWait = std::chrono::milliseconds(30'000);
  static constexpr auto kLongestAnswer = std::chrono::seconds(10);
  // Then a start counts as ended, so that a unit that hangs blocks nothing for ever.
  static constexpr auto kLongestRun = std::chrono::minutes(2);

  // Without an address, there is no bus; an empty one is that of the system bus.
  UnitStarter(sd_event* loop, std::optional<std::string> address)
      : loop_(loop), address_(std::move(address)) {}

  // The unit must be idle.
  void start(const std::string& unit, SteadyTime now);
  bool is_idle(const std::string& unit) const { return !starts_.contains(unit); }

  // How starts ended since the last call.
  struct Result {
    std::string unit;
    std::string error;  // empty: it went well
  };
  std::vector<Result> take_results() { return std::exchange(results_, {}); }

  // Why starts wait; empty if none waits for longer than it should.
  std::string trouble() const;

  std::optional<SteadyTime> next() const;
  void work(SteadyTime now);
  // Sends what waits, until the deadline.
  void finish(std::chrono::milliseconds deadline);

 private:
  enum class Stage : std::uint8_t { kWaits, kCalled, kRuns };
  struct Start {
    UnitStarter* starter = nullptr;
    std::string unit;
    Stage stage = Stage::kWaits;
    SteadyTime begin;
    std::string job;  // of systemd
    bus::Slot call;
  };

  void give_up_runs(SteadyTime now);
  void forget_connection();
  int connect();
  int call(Start& start);
  void retry(SteadyTime now, std::string why);
  void end(const std::string& unit, std::string error);

  static int on_answer(sd_bus_message* message, void* start, sd_bus_error* error) noexcept;
  static int on_job_removed(sd_bus_message* message, void* self, sd_bus_error* error) noexcept;
  static int on_disconnected(sd_bus_message* message, void* self, sd_bus_error* error) noexcept;

  sd_event* loop_;
  std::optional<std::string> address_;
  bus::Bus bus_;
  bool is_lost_ = false;  // the connection, which is released later
  std::optional<SteadyTime> retry_at_;
  std::chrono::milliseconds wait_ = kShortestWait;
  std::string why_;                      // the last attempt failed
  std::map<std::string, Start> starts_;  // by unit, at stable addresses
  std::vector<Result> results_;
};

}  // namespace guard
