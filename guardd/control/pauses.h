// Pauses of policies: until when, why, and by whom. A paused policy only logs. A pause always ends
// by itself: at its time, or after its length if the clock is set back. Survives restarts and
// reboots; at most one per policy. Runs on the daemon's loop. Callers pass the clocks.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "guardd/state/store.h"
#include "policy/policy_set.h"

namespace guard {

// A user who makes a request.
struct Person {
  Uid uid;
  std::string name;  // may be empty
};

// The wall clock, which can be set, and the time since boot, with suspend.
struct Clocks {
  std::chrono::system_clock::time_point wall;
  std::chrono::nanoseconds since_boot{};

  static Clocks read();
};

class Pauses {
 public:
  static constexpr std::chrono::seconds kShortest{1};
  static constexpr std::chrono::hours kLongest{30 * 24};
  static constexpr std::size_t kLongestReason = 1'000;
  // How soon a changed clock or a suspend is noticed.
  static constexpr std::chrono::seconds kLongestWait{10};

  // Continues the pauses of the store. `store` may be null: then no pause survives guardd.
  Pauses(Store* store, const Clocks& now);

  // Replaces another pause of the policy.
  Status start(const PolicySet& set, const std::string& policy, std::chrono::microseconds length,
               const std::string& reason, const Person& who, const Clocks& now);
  Status end(const std::string& policy);
  // Ends the pauses whose time is over, and returns their policies.
  std::vector<std::string> take_ended(const Clocks& now);
  // When to call take_ended() again; nothing if no policy is paused.
  std::optional<std::chrono::nanoseconds> next_due(const Clocks& now) const;
  // Ends the pauses of policies that are not in this set.
  void keep_those_of(const PolicySet& set);

  std::vector<Pause> all() const;
  // The set with the pauses applied; the same set if there are none.
  std::shared_ptr<const PolicySet> applied_to(const std::shared_ptr<const PolicySet>& set) const;
  // A sentence for each paused policy, safe for a terminal.
  std::map<std::string, std::string> sentences() const;

 private:
  struct ActivePause {
    Pause pause;
    std::chrono::nanoseconds until;  // since boot
  };

  void forget(const std::string& policy);

  Store* store_;
  std::map<std::string, ActivePause> running_;  // by policy
};

}  // namespace guard
