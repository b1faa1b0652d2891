// `--log journal`: what guardd found and did, as entries of the journal with the fields of the
// contract. Tells how an incident begins and ends, its first violations singly, and what could not
// be put right up to a rate. Never waits: entries go to a sink that takes or counts them. The
// daemon's thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "guardd/publish/journal_entry.h"
#include "guardd/publish/json_publisher.h"
#include "guardd/publish/publisher.h"

namespace guard {

class JournalPublisher final : public Publisher {
 public:
  struct Limits {
    std::size_t sample = 5;  // violations told singly, for each incident
    Severity min_severity = Severity::kInfo;
    std::uint64_t rate = 100;  // entries a second about violations and incidents
  };
  // Of those that could not be put right, beyond the sample.
  static constexpr std::uint64_t kFailuresPerSecond = 5;

  using SteadyClock = std::chrono::steady_clock;
  // Whether the process with this pid is still the one that started then; must not wait.
  using StillLives = std::function<bool(std::int32_t pid, std::uint64_t start_time)>;

  JournalPublisher(LineSink sink, Limits limits, StillLives still_lives,
                   std::function<SteadyClock::time_point()> clock = SteadyClock::now)
      : sink_(std::move(sink)),
        still_lives_(std::move(still_lives)),
        clock_(std::move(clock)),
        limits_(limits) {}

  void set_limits(Limits limits) { limits_ = limits; }

  void incident_opened(const Incident& incident) noexcept override;
  void violation(const Violation& violation, const Incident& incident) noexcept override;
  void incident_closed(const Incident& incident) noexcept override;
  void ready(const ReadyNews& news) noexcept override;
  void reload(const ReloadNews& news) noexcept override;
  void health(const HealthNews& news) noexcept override;
  void excuse(const ExcuseNews& news) noexcept override;
  void manual_repair(const ManualRepairNews& news) noexcept override;
  void stop(const StopNews& news) noexcept override;

  // What the queue says of entries that had no room.
  static std::string loss_entry(std::uint64_t lost);

  // Entries that could not even be written down: memory had run out.
  std::uint64_t lost() const { return lost_; }

 private:
  template <typename Make>
  void tell(Make make) noexcept;
  JournalEntry incident(const Incident& incident, std::string_view state) const;
  void put_about(JournalEntry& entry, const Violation& violation, const Ancestor& command) const;
  bool is_told_singly(const Violation& violation, const Incident& incident);
  bool has_room();
  void begin_second();
  void tell_held_back();

  LineSink sink_;
  StillLives still_lives_;
  std::function<SteadyClock::time_point()> clock_;
  Limits limits_;
  SteadyClock::time_point second_began_{};
  std::uint64_t told_ = 0;  // in this second, as the failures below
  std::uint64_t failures_ = 0;
  std::uint64_t held_back_ = 0;  // did not fit into it
  std::uint64_t folded_ = 0;     // failures not told singly since the last one that was
  std::uint64_t lost_ = 0;
};

}  // namespace guard
