// Compiles drafts into a PolicySet: resolves names, compiles patterns, and checks the policies
// against each other (duplicate names and paths, nested trees).
#pragma once

#include <memory>
#include <vector>

#include "policy/diagnostic.h"
#include "policy/draft.h"
#include "policy/lookup.h"
#include "policy/policy_set.h"

namespace guard {

// Null if there is any error. `diagnostics` contains all of them.
std::shared_ptr<const PolicySet> compile(std::vector<DraftPolicy> drafts, const Users& users,
                                         const Files& files, std::uint64_t generation,
                                         Diagnostics& diagnostics);

}  // namespace guard
