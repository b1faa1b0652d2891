// The interface of everything that reports what guardd found and did. A publisher never fails and
// never waits: it counts what it cannot report. The daemon's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "policy/record/fixed_files.h"
#include "policy/record/health.h"
#include "policy/record/record.h"

namespace guard {

// What guardd has counted since it started.
struct Counters {
  std::uint64_t violations = 0;
  std::uint64_t fixed = 0;
  std::uint64_t denied = 0;
  std::uint64_t lost = 0;      // kernel events, and records that could not be delivered
  std::uint64_t asked = 0;     // opens that waited for an answer
  std::uint64_t answered = 0;  // equals `asked` when no open is waiting
  std::uint64_t late = 0;      // answered by [answer] on_deadline
  std::uint64_t unseen = 0;    // answered by [answer] on_overload
};

// Calls `write` with each counter and its field name. Answers appear only if an open was asked.
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

// Every mark is in place; from now on no change goes unseen.
struct ReadyNews {
  static std::string_view type() { return "ready"; }
  std::string version;
  Backend backend = Backend::kFanotify;
  std::uint64_t generation = 0;
  std::string policy_identity;  // sha256
  std::size_t policies = 0;
  std::size_t trees = 0;
  std::size_t pending = 0;  // trees that do not exist yet
  std::size_t directories = 0;
};

struct ReloadNews {
  static std::string_view type() { return "reload"; }
  bool done = false;  // false: the previous policies stay in force
  std::uint64_t generation = 0;
  std::string policy_identity;
  std::size_t policies = 0;
  std::vector<std::string> errors;  // FILE:LINE:COLUMN: message
};

struct HealthNews {
  static std::string_view type() { return "health"; }
  Health health = Health::kOk;
  std::string reason;  // one sentence; empty if healthy
  Counters counters;
  bool events_lost = false;  // the reason reports lost events; the health itself is unchanged
};

// An excuse for a command and everything that it starts began, or ended with its last process.
struct ExcuseNews {
  static std::string_view type() { return "excuse"; }
  bool is_over = false;
  std::string reason;
  std::string user;     // who requested it
  std::string command;  // as the user named it
  std::int32_t pid = 0;
};

// A fix or an undo that a user requested, and its result.
struct ManualRepairNews {
  enum class Kind : std::uint8_t { kFix, kUndo };
  std::string_view type() const { return kind == Kind::kUndo ? "undo" : "fix"; }
  Kind kind = Kind::kFix;
  std::string user;   // who requested it
  std::string where;  // fix: a policy, a path, or empty for all; undo: the incident
  std::uint64_t done = 0;
  std::uint64_t left = 0;  // unchanged
};

struct StopNews {
  static std::string_view type() { return "stop"; }
  std::string reason;  // "SIGTERM"
  Counters counters;
};

// Refers to the news.
using News = std::variant<const ReadyNews*, const ReloadNews*, const HealthNews*, const ExcuseNews*,
                          const ManualRepairNews*, const StopNews*>;

class Publisher {
 public:
  Publisher() = default;
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;
  virtual ~Publisher() = default;

  // An incident is opened before its first violation is published.
  virtual void incident_opened(const Incident& /*incident*/) noexcept {}
  virtual void violation(const Violation& /*violation*/, const Incident& /*incident*/) noexcept {}
  // Files of an incident that were fixed and have no records of their own. The violation is the
  // first of them, and its repeats are the others.
  virtual void fixed_files(const Violation& /*first*/, const FixedFiles& /*files*/,
                           const Incident& /*incident*/) noexcept {}
  virtual void incident_closed(const Incident& /*incident*/) noexcept {}
  virtual void news(News /*news*/) noexcept {}
};

}  // namespace guard
