// The policies that guardd enforces now: as loaded, with pauses applied, or none while guardd is
// disabled. Enforces them again when one of these changes, or a tree or mount comes or goes. Never
// reads policy files. Runs on the daemon's loop.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "guardd/base/rules.h"
#include "guardd/control/pauses.h"
#include "guardd/control/shortcomings.h"
#include "guardd/enforce/enforcer.h"
#include "guardd/enforce/watched_trees.h"
#include "guardd/host/clock.h"
#include "guardd/sources/choose.h"
#include "guardd/sources/mounts.h"
#include "guardd/sources/path_watch.h"
#include "policy/policy_set.h"
#include "policy/reach.h"

namespace guard {

class PoliciesInForce {
 public:
  // All of it outlives this.
  struct Context {
    sd_event* loop;
    ChosenSource& source;
    WatchedTrees& trees;
    Enforcer& enforcer;
    Shortcomings& shortcomings;
    std::function<void()> changed;  // called after pauses, trees or mounts have changed
  };
  PoliciesInForce(Context context, Pauses pauses);

  Status watch_mounts() { return path_watch_.watch_mounts(); }
  // Enforces these rules from here on.
  void use(Rules rules);
  Status pause(const std::string& policy, std::chrono::microseconds length,
               const std::string& reason, const Person& who);
  Status resume(const std::string& policy);
  // Ends the pauses that are over.
  void work(SteadyTime now);
  std::optional<SteadyTime> next() const;

  const std::shared_ptr<const PolicySet>& loaded() const { return loaded_; }
  const std::shared_ptr<const PolicySet>& set() const { return set_; }  // with the pauses
  const std::vector<TreeLimits>& limits() const { return limits_; }     // by policy
  // Why nothing is enforced; nothing if policies are enforced.
  const std::optional<std::string>& disabled() const { return disabled_; }
  const Pauses& pauses() const { return pauses_; }
  // The policies' accounts that this machine's own file named when the policies were loaded.
  const std::set<std::string>& accounts() const { return accounts_; }

 private:
  void enforce();
  void enforce_pauses();
  void watch_surroundings();
  void look_around();

  Context context_;
  Pauses pauses_;
  PathWatch path_watch_;
  Mounts mounts_;
  std::shared_ptr<const PolicySet> loaded_;
  std::shared_ptr<const PolicySet> set_;
  std::vector<TreeLimits> limits_;
  decltype(Config::answer) answer_;
  std::optional<std::string> disabled_;
  std::set<std::string> accounts_;
};

}  // namespace guard
