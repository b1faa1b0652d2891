// What whoever has started us is told: that we are ready, how we stand, and that we are alive. It
// is systemd in most cases; without $NOTIFY_SOCKET nobody is told anything. To tell it can wait a
// moment for its socket. One thread: the daemon's loop.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "guardd/host/clock.h"
#include "guardd/permission/group.h"
#include "guardd/publish/publisher.h"
#include "guardd/service/status_line.h"

namespace guard {

// Whether those get on who answer opens, seen from the loop. That the loop turns proves nothing of
// their threads, and theirs are the ones that people wait for.
class AnswerProgress {
 public:
  struct Count {
    std::uint64_t events = 0;
    std::uint64_t answers = 0;
  };

  // Well: nobody waits; or somebody was answered since the last look; or it has not been longer
  // than an answer may take.
  bool is_well(const Count& seen, SteadyTime now, std::chrono::nanoseconds longest);
  bool is_behind() const { return behind_since_.has_value(); }

 private:
  std::uint64_t answers_ = 0;
  std::optional<SteadyTime> behind_since_;
};

class ServiceManager final : public Publisher {
 public:
  // What it is told, as in sd_notify(3).
  using Send = std::function<void(const std::string& state)>;
  static Send of_this_process();
  // How often it wants to hear that we are alive; nothing: it does not.
  static std::optional<std::chrono::microseconds> watchdog_of_this_process();

  explicit ServiceManager(
      Send send = of_this_process(),
      std::optional<std::chrono::microseconds> watchdog = watchdog_of_this_process())
      : send_(std::move(send)), watchdog_(watchdog) {}

  void count_answers(const AnswerCounters* answers) { answers_ = answers; }
  void set_longest_answer(std::chrono::nanoseconds longest) { longest_answer_ = longest; }

  // Told with the next of these, or with work().
  void stands(StatusFacts facts);
  void is_ready();
  void reloads();
  void has_reloaded();
  void stops();

  // Tells what is due; when there is something to tell again.
  void work(SteadyTime now);
  std::optional<SteadyTime> next() const;

  void incident_opened(const Incident& incident) noexcept override;
  void violation(const Violation& /*violation*/, const Incident& /*incident*/) noexcept override {}
  void incident_closed(const Incident& incident) noexcept override;
  void ready(const ReadyNews& /*news*/) noexcept override {}
  void reload(const ReloadNews& /*news*/) noexcept override {}
  void health(const HealthNews& /*news*/) noexcept override {}
  void stop(const StopNews& /*news*/) noexcept override {}

 private:
  std::string line() const { return "STATUS=" + status_line(facts_, last_incident_); }
  void ping(SteadyTime now);

  Send send_;  // none: nobody listens
  std::optional<std::chrono::microseconds> watchdog_;
  const AnswerCounters* answers_ = nullptr;
  std::chrono::nanoseconds longest_answer_{0};
  AnswerProgress progress_;
  SteadyTime pings_at_;

  StatusFacts facts_;
  std::optional<LastIncident> last_incident_;
  bool is_ready_ = false;
  std::string told_;       // the line it has
  bool has_news_ = false;  // it may not be the line it should have
  SteadyTime told_at_;
};

}  // namespace guard
