// Drafts → a PolicySet: names looked up, patterns compiled, and whatever can only be seen with all
// policies side by side (names and paths used twice, trees inside trees).
#pragma once

#include <memory>
#include <vector>

#include "policy/diagnostic.h"
#include "policy/draft.h"
#include "policy/lookup.h"
#include "policy/policy_set.h"

namespace guard {

// Null if anything is an error; the reasons, all of them, are in `diagnostics`.
std::shared_ptr<const PolicySet> compile(std::vector<DraftPolicy> drafts, const Users& users,
                                         const Files& files, std::uint64_t generation,
                                         Diagnostics& diagnostics);

}  // namespace guard
