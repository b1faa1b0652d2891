// What guardd does less than somebody might expect of its policies, found out by asking those who
// know. One thread: the daemon's loop.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "guardd/enforce/watched_trees.h"
#include "guardd/sources/choose.h"
#include "guardd/who/processes.h"
#include "policy/policy_set.h"

namespace guard {

// Each in a sentence. `accounts` are those of the policies that this machine's own file named when
// they were loaded.
std::vector<std::string> shortcomings_of(const ChosenSource& source, const Processes& processes,
                                         const WatchedTrees& trees, const PolicySet& set,
                                         const std::set<std::string>& accounts);

}  // namespace guard
