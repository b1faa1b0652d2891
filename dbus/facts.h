// The state of guardd and its policies as D-Bus properties, shared by service and client.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace guard::bus {

using Counts = std::map<std::string, std::uint64_t>;  // by a word

// An alert of guardd.toml, with what it has done since guardd started.
struct AlertState {
  std::string name;
  std::string when;  // its condition
  std::uint64_t starts = 0;
  std::uint64_t held_back = 0;   // incidents without a start of their own
  std::uint64_t last_start = 0;  // microseconds since 1970; 0: never
  friend bool operator==(const AlertState&, const AlertState&) = default;
};

struct Facts {
  std::string version;
  std::string backend;
  std::string backend_reason;
  std::string health;  // ok, degraded, paused or disabled
  std::string health_reason;
  std::uint32_t generation = 0;
  std::string policy_identity;
  // Since guardd started.
  std::uint64_t violations = 0;
  std::uint64_t denied = 0;
  std::uint64_t fixed = 0;
  std::uint64_t lost = 0;
  std::uint64_t answered_late = 0;    // opens: by [answer] on_deadline
  std::uint64_t answered_unseen = 0;  // opens: by [answer] on_overload
  Counts helpers_given_up;            // "late", "broken"
  std::uint32_t helpers_hung = 0;     // now
  std::vector<AlertState> alerts;
};

struct PolicyFacts {
  std::string name;
  std::vector<std::string> paths;
  std::string owner;
  std::string group;
  std::string action;
  std::string effective_action;
  std::vector<std::string> differences;
  std::string state;
  std::string state_reason;
  std::vector<std::string> guards;
  std::string severity;
  std::string category;
  std::string file;
  std::uint32_t line = 0;
  std::uint64_t violations = 0;
  std::uint64_t denied = 0;
  std::uint64_t fixed = 0;
  Counts skipped;                  // by a word for the reason
  Counts beyond_limit;             // by the key of [limits]
  std::uint64_t paused_until = 0;  // microseconds since 1970; 0: not paused
  std::string paused_by;
  std::string pause_reason;
};

// The progress of a scan.
struct ScanNow {
  std::uint64_t looked_at = 0;
  std::uint64_t expected = 0;  // the number at the last scan; 0: unknown
  std::uint64_t found = 0;
  std::uint64_t fixed = 0;
};

// Calls visit(name, member) for each property except the counters, which change constantly.
template <typename Visit>
void each_fact(const Facts* /*of*/, Visit visit) {
  visit("Version", &Facts::version);
  visit("Backend", &Facts::backend);
  visit("BackendReason", &Facts::backend_reason);
  visit("Health", &Facts::health);
  visit("HealthReason", &Facts::health_reason);
  visit("Generation", &Facts::generation);
  visit("PolicyIdentity", &Facts::policy_identity);
}
template <typename Visit>
void each_fact(const PolicyFacts* /*of*/, Visit visit) {
  visit("Name", &PolicyFacts::name);
  visit("Paths", &PolicyFacts::paths);
  visit("Owner", &PolicyFacts::owner);
  visit("Group", &PolicyFacts::group);
  visit("Action", &PolicyFacts::action);
  visit("EffectiveAction", &PolicyFacts::effective_action);
  visit("Differences", &PolicyFacts::differences);
  visit("State", &PolicyFacts::state);
  visit("StateReason", &PolicyFacts::state_reason);
  visit("Guards", &PolicyFacts::guards);
  visit("Severity", &PolicyFacts::severity);
  visit("Category", &PolicyFacts::category);
  visit("File", &PolicyFacts::file);
  visit("Line", &PolicyFacts::line);
  visit("PausedUntil", &PolicyFacts::paused_until);
  visit("PausedBy", &PolicyFacts::paused_by);
  visit("PauseReason", &PolicyFacts::pause_reason);
}

template <typename Visit>
void each_counter(const Facts* /*of*/, Visit visit) {
  visit("Violations", &Facts::violations);
  visit("Denied", &Facts::denied);
  visit("Fixed", &Facts::fixed);
  visit("Lost", &Facts::lost);
  visit("AnsweredLate", &Facts::answered_late);
  visit("AnsweredUnseen", &Facts::answered_unseen);
  visit("HelpersGivenUp", &Facts::helpers_given_up);
  visit("HelpersHung", &Facts::helpers_hung);
  visit("Alerts", &Facts::alerts);
}
template <typename Visit>
void each_counter(const PolicyFacts* /*of*/, Visit visit) {
  visit("Violations", &PolicyFacts::violations);
  visit("Denied", &PolicyFacts::denied);
  visit("Fixed", &PolicyFacts::fixed);
  visit("Skipped", &PolicyFacts::skipped);
  visit("BeyondLimit", &PolicyFacts::beyond_limit);
}

}  // namespace guard::bus
