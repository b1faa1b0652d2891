// Decides when an alert starts its unit: at most once for an incident and once in the alert's
// interval. What an interval holds back is counted, and the next start tells it. Keeps one waiting
// start for each alert, so memory is bounded whatever happens. Never waits. The daemon's loop only.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dbus/facts.h"
#include "guardd/alert/facts.h"
#include "guardd/alert/windows.h"
#include "guardd/base/config.h"
#include "guardd/host/clock.h"
#include "guardd/publish/publisher.h"

namespace guard {

class Alerts final : public Publisher {
 public:
  // A start waits for the end of the incident, but not for longer than this, so that it tells what
  // a command did and not only its first file.
  static constexpr auto kLongestGather = std::chrono::seconds(10);

  struct Ports {
    // An open incident, or null.
    std::function<const Incident*(const std::string& id)> find;
    std::function<Health()> health;
    std::function<std::vector<std::string>()> health_reasons;
    // Whether the unit's last start has ended, so that another one does something.
    std::function<bool(const AlertSettings& alert)> can_start;
    std::function<void(const AlertSettings& alert, const AlertFacts& facts)> start;
    std::string host;
    std::function<SteadyTime()> clock = std::chrono::steady_clock::now;
  };

  explicit Alerts(Ports ports) : ports_(std::move(ports)) {}

  // An alert that has the same name and condition as before goes on from where it was.
  void use(const std::vector<AlertSettings>& settings);

  void violation(const Violation& violation, const Incident& incident) noexcept override;
  void fixed_files(const Violation& first, const FixedFiles& files,
                   const Incident& incident) noexcept override;
  void incident_closed(const Incident& incident) noexcept override;
  // At the end, what waits is started at once.
  void news(News news) noexcept override;

  std::optional<SteadyTime> next() const;
  void work(SteadyTime now);

  std::uint64_t lost() const { return lost_; }  // because memory ran out
  std::vector<bus::AlertState> states() const;

 private:
  struct WaitingStart {
    SteadyTime at;
    std::string incident;            // empty: it is about health
    std::optional<Incident> closed;  // the incident, if it has ended
    std::uint64_t more = 0;          // incidents since then
  };
  struct State {
    AlertSettings settings;
    std::optional<WaitingStart> waiting;
    SteadyTime not_before;
    std::set<std::string> known;  // open incidents that met the condition
    RateWindows windows;
    bool health_was_met = false;
    std::optional<SteadyTime> health_at;  // when it has lasted for long enough
    bus::AlertState done;                 // its names are those of `settings`
  };

  void look_at(const Violation& violation, const Incident& incident, std::uint64_t count) noexcept;
  void add(State& state, const std::string& incident, SteadyTime now);
  void look_at_health(State& state, SteadyTime now);
  bool start(State& state, SteadyTime now);

  Ports ports_;
  std::vector<State> states_;
  std::uint64_t lost_ = 0;
};

}  // namespace guard
