// Notifies the service manager (sd_notify): readiness, status, watchdog. Does nothing without
// $NOTIFY_SOCKET. A notification can block for a moment on the socket. Runs on the daemon's loop.
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

// Whether the permission threads make progress, as seen from the loop. The loop itself may run
// while these threads hang, and with them every process that waits for an answer.
class AnswerProgress {
 public:
  struct Count {
    std::uint64_t events = 0;
    std::uint64_t answers = 0;
  };

  // True if no open waits, or one was answered since the last call, or none has waited for longer
  // than `longest`.
  bool is_fine(const Count& seen, SteadyTime now, std::chrono::nanoseconds longest);
  bool is_behind() const { return behind_since_.has_value(); }

 private:
  std::uint64_t answers_ = 0;
  std::optional<SteadyTime> behind_since_;
};

class ServiceManager final : public Publisher {
 public:
  // Sends a state string as in sd_notify(3).
  using Send = std::function<void(const std::string& state)>;
  static Send of_this_process();
  // The interval of the watchdog; nothing if it is off.
  static std::optional<std::chrono::microseconds> watchdog_of_this_process();

  explicit ServiceManager(
      Send send = of_this_process(),
      std::optional<std::chrono::microseconds> watchdog = watchdog_of_this_process())
      : send_(std::move(send)), watchdog_(watchdog) {}

  void count_answers(const AnswerCounters& answers) { answers_ = &answers; }
  void set_longest_answer(std::chrono::nanoseconds longest) { longest_answer_ = longest; }

  // Sent with the next notification or by work().
  void set_status(StatusFacts facts);
  void notify_ready();
  void notify_reloading();
  void notify_reloaded();
  void notify_stopping();

  // Sends what is due.
  void work(SteadyTime now);
  std::optional<SteadyTime> next() const;

  void incident_opened(const Incident& incident) noexcept override;
  void incident_closed(const Incident& incident) noexcept override;

 private:
  std::string line() const { return "STATUS=" + status_line(facts_, last_incident_); }
  void ping(SteadyTime now);

  Send send_;  // empty if no service manager listens
  std::optional<std::chrono::microseconds> watchdog_;
  const AnswerCounters* answers_ = nullptr;
  std::chrono::nanoseconds longest_answer_{0};
  AnswerProgress progress_;
  SteadyTime pings_at_;

  StatusFacts facts_;
  std::optional<LastIncident> last_incident_;
  bool is_ready_ = false;
  std::string sent_;           // the last status line
  bool may_be_stale_ = false;  // sent_ may differ from the current line
  SteadyTime sent_at_;
};

}  // namespace guard
