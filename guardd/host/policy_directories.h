// Loading policies on this machine: its users, its files, and what its file systems allow.
#pragma once

#include <string>
#include <vector>

#include "policy/load/load.h"
#include "policy/reach.h"

namespace guard {

// `directories` as somebody named them, or none for the standard ones. One that was named must be
// there.
Result<Loaded> load_policy_directories(const std::vector<std::string>& directories,
                                       std::uint64_t generation);

// The same for a mixture of directories and single files.
Result<Loaded> load_policy_paths(const std::vector<std::string>& paths);

// What keeps the trees of a policy from being put right, as far as can be seen now.
TreeLimits tree_limits(const Policy& policy, const Files& files);

}  // namespace guard
