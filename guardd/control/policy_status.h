// The status of each policy (its settings, what the backend can enforce of them, and its state) and
// of guardd as a whole. Runs on the daemon's loop.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "dbus/service/manager.h"
#include "guardd/control/policies_in_force.h"
#include "guardd/enforce/watched_trees.h"
#include "guardd/publish/publisher.h"
#include "guardd/service/status_line.h"
#include "guardd/sources/choose.h"

namespace guard {

std::vector<bus::PolicyFacts> policy_facts(const PoliciesInForce& in_force, Backend backend,
                                           const WatchedTrees& trees);

StatusFacts status_facts(const PoliciesInForce& in_force, Backend backend,
                         const WatchedTrees& trees, std::vector<std::string> shortcomings);
ReadyNews ready_news(const PoliciesInForce& in_force, const ChosenSource& source,
                     const WatchedTrees& trees);

// What the policy has beyond its limits, by the key of [limits].
bus::Counts counts_of(const std::string& policy, const std::map<std::string, BeyondLimit>& limits);

}  // namespace guard
