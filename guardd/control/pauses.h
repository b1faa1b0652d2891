// The policies that only record for a while, until when, why, and who wanted that. A pause always
// ends by itself: when the clock says so, or when as much time has passed as was asked for, so that
// a clock that is set back prolongs nothing. Outlives guardd and the machine; as many as there are
// policies at most. One thread: the daemon's loop. The clocks are passed in.
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

// Who asks for something.
struct Person {
  Uid uid;
  std::string name;  // empty: it has none
};

// The machine's own, which may be set, and the one that runs from its start, asleep or not.
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
  // A clock that is set, or a machine that has slept, is noticed within this.
  static constexpr std::chrono::seconds kLongestLook{10};

  // With what was in force when guardd ended, for as long as there is of it. `store` may be null:
  // then nothing outlives guardd.
  Pauses(Store* store, const Clocks& now);

  // In the place of another of the same policy. Refused with what is wrong.
  Status start(const PolicySet& set, const std::string& policy, std::chrono::microseconds length,
               const std::string& reason, const Person& who, const Clocks& now);
  Status end(const std::string& policy);
  // Those whose time is over, which are in force no more.
  std::vector<std::string> take_ended(const Clocks& now);
  // How long until take_ended() has to be asked again; nothing: no policy is paused.
  std::optional<std::chrono::nanoseconds> next_due(const Clocks& now) const;
  // Those whose policy is gone are over.
  void keep_those_of(const PolicySet& set);

  std::vector<Pause> all() const;
  // This set while they are in force; the same if there are none.
  std::shared_ptr<const PolicySet> applied_to(const std::shared_ptr<const PolicySet>& set) const;
  // For each policy, a sentence that says it, safe for a terminal.
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
