// From directories or files of policies to the set that is enforced, with all that is wrong on the
// way.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "policy/base/ids.h"
#include "policy/diagnostic.h"
#include "policy/load/policy_files.h"
#include "policy/lookup.h"
#include "policy/policy_set.h"

namespace guard {

struct LoadRequest {
  // Either what find_policy_files() found, or files somebody named.
  std::vector<PolicyFile> files;
  Uid reader = kRoot;  // who reads; see read_policy_file()
  std::uint64_t generation = 1;
};

struct Loaded {
  std::shared_ptr<const PolicySet> set;  // null if anything is an error
  Diagnostics diagnostics;               // in the order of files and lines
};

// Reads, compiles and lints. Never throws; everything that is wrong is in the diagnostics, in one
// go.
Loaded load_policies(const LoadRequest& request, const Users& users, const Files& files);

}  // namespace guard
