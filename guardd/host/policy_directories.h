// Loads policies with the users and files of this machine.
#pragma once

#include <string>
#include <vector>

#include "guardd/host/files.h"
#include "guardd/host/users.h"
#include "policy/load/load.h"
#include "policy/reach.h"

namespace guard {

// Loads the given directories, which must exist, or the standard ones if there are none.
Result<LoadResult> load_policy_directories(const std::vector<std::string>& directories,
                                           std::uint64_t generation,
                                           const Users& users = SystemUsers(),
                                           const Files& seen = SystemFiles());

// The same for directories and single files.
Result<LoadResult> load_policy_paths(const std::vector<std::string>& paths);

// What keeps guardd from fixing files in the trees of a policy, as far as is known now.
TreeLimits tree_limits(const Policy& policy, const Files& files);

}  // namespace guard
