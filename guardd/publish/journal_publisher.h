// `--log journal`: incidents and news as journal entries with the fields of the contract. Logs the
// begin and end of an incident, its first violations individually, and failed fixes up to a rate.
// Never waits: entries go to a sink that accepts or counts them. The daemon's thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "guardd/publish/advice.h"
#include "guardd/publish/journal_entry.h"
#include "guardd/publish/json_publisher.h"
#include "guardd/publish/publisher.h"
#include "policy/base/rate_limit.h"

namespace guard {

class JournalPublisher final : public Publisher {
 public:
  struct Limits {
    std::size_t sample = 5;  // violations logged individually, for each incident
    Severity min_severity = Severity::kInfo;
    std::uint64_t rate = 100;  // entries per second about violations and incidents
  };
  // For failed fixes beyond the sample.
  static constexpr std::uint64_t kFailuresPerSecond = 5;

  using SteadyClock = std::chrono::steady_clock;
  // Whether the process with this pid and start time is still running; must not wait.
  using IsRunning = std::function<bool(std::int32_t pid, std::uint64_t start_time)>;

  JournalPublisher(LineSink sink, Limits limits, IsRunning is_running,
                   std::function<SteadyClock::time_point()> clock = SteadyClock::now)
      : sink_(std::move(sink)),
        is_running_(std::move(is_running)),
        clock_(std::move(clock)),
        limits_(limits) {}

  void set_limits(Limits limits);

  void incident_opened(const Incident& incident) noexcept override;
  void violation(const Violation& violation, const Incident& incident) noexcept override;
  void incident_closed(const Incident& incident) noexcept override;
  void news(News news) noexcept override;

  // The entry that reports lost entries.
  static std::string loss_entry(std::uint64_t lost);

  // Entries lost because memory ran out.
  std::uint64_t lost() const { return lost_; }

 private:
  template <typename Make>
  void put(Make make) noexcept;
  JournalEntry incident(const Incident& incident, std::string_view state) const;
  void put_about(JournalEntry& entry, const Violation& violation, const Advice& advice) const;
  bool is_logged_individually(const Violation& violation, const Incident& incident);
  bool has_room();
  void report_suppressed();

  LineSink sink_;
  IsRunning is_running_;
  std::function<SteadyClock::time_point()> clock_;
  Limits limits_;
  RateLimit entries_{static_cast<double>(limits_.rate), static_cast<double>(limits_.rate)};
  RateLimit failures_{kFailuresPerSecond, kFailuresPerSecond};
  SteadyClock::time_point reported_at_{};
  std::uint64_t suppressed_ = 0;  // entries beyond the rate, not reported yet
  std::uint64_t folded_ = 0;      // failures since the last one that was logged
  std::uint64_t lost_ = 0;
};

}  // namespace guard
