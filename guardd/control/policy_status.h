// What can be said of each policy at this moment: what it says, what it gets, and how it stands.
// One thread: the daemon's loop.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dbus/service/manager.h"
#include "guardd/control/pauses.h"
#include "guardd/enforce/watched_trees.h"
#include "policy/policy_set.h"
#include "policy/reach.h"

namespace guard {

// The policies that hold.
struct PoliciesInForce {
  std::shared_ptr<const PolicySet> said;
  std::shared_ptr<const PolicySet> set;  // with the pauses
  std::vector<TreeLimits> limits;        // by policy
  std::optional<std::string> disabled;   // why nothing is enforced
};

std::vector<bus::PolicyFacts> policy_facts(const PoliciesInForce& in_force, Backend backend,
                                           const WatchedTrees& trees, const Pauses& pauses);

}  // namespace guard
