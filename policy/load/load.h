// Loads policy files into a PolicySet and collects all errors and warnings.
// Any thread.
#pragma once

#include <memory>
#include <vector>

#include "policy/base/ids.h"
#include "policy/diagnostic.h"
#include "policy/load/policy_files.h"
#include "policy/lookup.h"
#include "policy/policy_set.h"

namespace guard {

struct LoadRequest {
  // The result of find_policy_files(), or files that a user named.
  std::vector<PolicyFile> files;
  Uid reader = kRoot;  // the reading user; see read_policy_file()
  std::uint64_t generation = 1;
};

struct LoadResult {
  std::shared_ptr<const PolicySet> set;  // null if there is any error
  Diagnostics diagnostics;               // sorted by file and line
};

// Reads, compiles and lints. Never throws; the diagnostics contain every error
// of one pass.
LoadResult load_policies(const LoadRequest& request, const Users& users, const Files& files);

}  // namespace guard
