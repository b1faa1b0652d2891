// Whoever tells the world what guardd found and did. Never fails and never waits: what cannot be
// told is counted. Called on the daemon's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/record/record.h"

namespace guard {

// What guardd counts, from its start.
struct Counters {
  std::uint64_t violations = 0;
  std::uint64_t fixed = 0;
  std::uint64_t denied = 0;
  std::uint64_t lost = 0;      // events of the kernel, and records nobody could be told
  std::uint64_t asked = 0;     // opens that waited for an answer
  std::uint64_t answered = 0;  // as many, once nobody waits
  std::uint64_t late = 0;      // answered by [answer] on_deadline: it took too long
  std::uint64_t unseen = 0;    // answered by [answer] on_overload: there was no room
};

// Each with its name in records. Of answers only where somebody was asked.
template <typename Write>
void each_counter(const Counters& counters, Write write) {
  write("violations", counters.violations);
  write("fixed", counters.fixed);
  write("denied", counters.denied);
  write("lost", counters.lost);
  if (counters.asked == 0) return;
  write("asked", counters.asked);
  write("answered", counters.answered);
  write("answered_late", counters.late);
  write("answered_unseen", counters.unseen);
}

// Every mark is in place: from here on nothing goes unseen.
struct ReadyNews {
  std::string version;
  Backend backend = Backend::kFanotify;
  std::uint64_t generation = 0;
  std::string policy_identity;  // sha256
  std::size_t policies = 0;
  std::size_t trees = 0;
  std::size_t pending = 0;  // trees that are not there yet
  std::size_t directories = 0;
};

struct ReloadNews {
  bool done = false;  // false: the policies that ran before still run
  std::uint64_t generation = 0;
  std::string policy_identity;
  std::size_t policies = 0;
  std::vector<std::string> errors;  // FILE:LINE:COLUMN: what is wrong
};

enum class Health : std::uint8_t { kOk, kDegraded, kPaused, kDisabled };

template <>
struct Words<Health> {
  static constexpr std::array<std::string_view, 4> kAll{"ok", "degraded", "paused", "disabled"};
};

struct HealthNews {
  Health health = Health::kOk;
  std::string reason;  // one sentence; empty when all is well
  Counters counters;
  bool events_lost = false;  // that is what the reason says, and what it was before is unchanged
};

// A command is excused, with all that it starts; or is no longer, since nothing of it is left.
struct ExcuseNews {
  bool is_over = false;
  std::string reason;
  std::string user;     // who asked for it
  std::string command;  // as that one says
  std::int32_t pid = 0;
};

// What a person had guardd do by hand, and what came of it.
struct ManualRepairNews {
  enum class Kind : std::uint8_t { kFix, kUndo };
  Kind kind = Kind::kFix;
  std::string user;   // who asked for it
  std::string where;  // a policy, a path or nothing for all of them; of an undo, the incident
  std::uint64_t done = 0;
  std::uint64_t left = 0;  // as it was
};

struct StopNews {
  std::string reason;  // "SIGTERM"
  Counters counters;
};

class Publisher {
 public:
  Publisher() = default;
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;
  virtual ~Publisher() = default;

  // The incident is told of before its first violation.
  virtual void incident_opened(const Incident& incident) noexcept = 0;
  virtual void violation(const Violation& violation, const Incident& incident) noexcept = 0;
  virtual void incident_closed(const Incident& incident) noexcept = 0;

  virtual void ready(const ReadyNews& news) noexcept = 0;
  virtual void reload(const ReloadNews& news) noexcept = 0;
  virtual void health(const HealthNews& news) noexcept = 0;
  virtual void excuse(const ExcuseNews& /*news*/) noexcept {}
  virtual void manual_repair(const ManualRepairNews& /*news*/) noexcept {}
  virtual void stop(const StopNews& news) noexcept = 0;
};

}  // namespace guard
