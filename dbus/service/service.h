// guardd on the bus: objects, properties, signals and calls. Owns the connection, and makes it anew
// for as long as it takes when the bus is not there yet or goes away. Never waits for the bus: what
// it has no room for is folded into what is told next. Guards and tells elsewhere go on the same
// without it. One thread: the daemon's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include <systemd/sd-event.h>

#include "dbus/handles.h"
#include "dbus/service/calls.h"
#include "dbus/service/gate.h"
#include "dbus/service/manager.h"

namespace guard::bus {

class Service {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `address`: of a bus; empty for the system's.
  Service(sd_event* loop, std::string address, Manager& manager);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  void start();
  // Tells what is held back, and leaves the bus.
  void stop();

  void violation(const Violation& violation) noexcept;
  void incident_opened(const Incident& incident) noexcept { tell({incident, false, {}}); }
  void incident_closed(const Incident& incident) noexcept { tell({incident, true, {}}); }
  void reloaded() noexcept;
  // Properties other than counters may have changed.
  void changed() noexcept;

  // When tick() has something to do.
  std::optional<Time> next() const;
  void tick(Time now) noexcept;

  // Why nobody can find guardd on the bus; empty: they can, or soon will.
  const std::string& trouble() const { return trouble_; }

  // With what was counted of each, also where there is no bus.
  std::vector<PolicyFacts> policies() const;

  // For the tables.
  const Facts& facts() const { return facts_; }
  Manager& manager() { return manager_; }
  Calls* calls() { return calls_.get(); }

 private:
  struct Counts {
    std::uint64_t violations = 0;
    std::uint64_t denied = 0;
    std::uint64_t fixed = 0;
  };

  void connect(Time now);
  int open();
  void leave(Time now, const std::string& trouble);
  void leave_to(const std::string& rival);
  bool has_room() const;

  void tell(const IncidentFields& incident) noexcept;
  bool send(const Violation& violation, std::uint64_t folded);
  bool send(const IncidentFields& incident, std::uint64_t folded);
  template <typename Write>
  bool signal(const char* name, Write write);
  void count(const Violation& violation);
  void tell_held(Time now);
  void tell_facts();
  void tell_policies();
  void put_counts(PolicyFacts& facts) const;
  std::map<std::string, PolicyFacts> policies_now() const;

  static int on_name(sd_bus_message* message, void* self, sd_bus_error* error) noexcept;
  static int on_rival(sd_bus_message* message, void* self, sd_bus_error* error) noexcept;
  static int on_disconnected(sd_bus_message* message, void* self, sd_bus_error* error) noexcept;
  static int find_manager(sd_bus* bus, const char* path, const char* interface, void* self,
                          void** found, sd_bus_error* error) noexcept;
  static int find_policy(sd_bus* bus, const char* path, const char* interface, void* self,
                         void** found, sd_bus_error* error) noexcept;
  static int list_policies(sd_bus* bus, const char* path, void* self, char*** paths,
                           sd_bus_error* error) noexcept;

  sd_event* loop_;
  const std::string address_;
  Manager& manager_;

  Bus bus_;
  std::unique_ptr<Calls> calls_;  // of this connection
  bool has_name_ = false;
  std::optional<Time> retry_at_;    // the connection is to be made anew
  std::chrono::milliseconds wait_;  // until the next try
  Time gone_since_;
  std::string trouble_;

  Facts facts_;
  Facts told_;
  std::map<std::string, PolicyFacts> policies_;        // by object path, as they were last told
  std::map<std::string, Counts, std::less<>> counts_;  // by policy, from our start
  std::set<std::string> counted_;  // the policies whose counts changed since they were told
  bool has_changed_ = false;       // other than counters
  std::optional<Time> count_at_;   // counters are to be told

  Gate<Violation> violations_;
  Gate<IncidentFields> incidents_;
};

}  // namespace guard::bus
