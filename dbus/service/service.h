// guardd on the bus: objects, properties, signals and calls. Owns the connection, and reconnects
// for as long as necessary. Never waits for the bus: signals without room are folded into the next
// one. guardd works without the bus; then it only cannot be reached there. One thread: the daemon's
// loop.
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
#include "dbus/service/folding_limiter.h"
#include "dbus/service/manager.h"

namespace guard::bus {

class Service {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `address`: of a bus; empty for the system bus.
  Service(sd_event* loop, std::string address, Manager& manager);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  void start();
  // Sends the delayed records and disconnects.
  void stop();

  void violation(const Violation& violation) noexcept;
  // Only counts it: the record stands for many.
  void counted(const Violation& violation) noexcept { count(violation); }
  // `incident`: with a text for all users.
  void publish(const IncidentFields& incident) noexcept;
  void reloaded() noexcept;
  // Properties other than counters may have changed.
  void changed() noexcept;

  // When tick() has something to do.
  std::optional<Time> next() const;
  void tick(Time now) noexcept;

  // Why guardd is not on the bus; empty: it is, or soon will be.
  const std::string& trouble() const { return trouble_; }

  // With the counters of each policy, even without a bus.
  std::vector<PolicyFacts> policies() const;

  // For the tables.
  const Facts& facts() const { return facts_; }
  Manager& manager() { return manager_; }
  Calls* calls() { return calls_.get(); }

 private:
  struct PolicyCounts {
    std::uint64_t violations = 0;
    std::uint64_t denied = 0;
    std::uint64_t fixed = 0;
    Counts skipped;
  };

  void connect(Time now);
  int open();
  void leave(Time now, const std::string& trouble);
  void leave_to(const std::string& rival);
  bool has_room() const;

  bool send(const Violation& violation, std::uint64_t folded);
  bool send(const IncidentFields& incident, std::uint64_t folded);
  template <typename Write>
  bool signal(const char* name, Write write);
  void count(const Violation& violation);
  void send_due(Time now);
  void publish_facts();
  void publish_policies();
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
  std::unique_ptr<Calls> calls_;  // of the present connection
  bool has_name_ = false;
  std::optional<Time> retry_at_;    // when to reconnect
  std::chrono::milliseconds wait_;  // until the next try
  Time gone_since_;
  std::string trouble_;

  Facts facts_;
  Facts published_;
  std::map<std::string, PolicyFacts> policies_;              // by object path, as last sent
  std::map<std::string, PolicyCounts, std::less<>> counts_;  // by policy, since the start
  std::set<std::string> counted_;  // policies whose counts have changed since they were last sent
  bool has_changed_ = false;       // other than counters
  std::optional<Time> count_at_;   // when to send counters

  FoldingLimiter<Violation> violations_;
  FoldingLimiter<IncidentFields> incidents_;
};

}  // namespace guard::bus
