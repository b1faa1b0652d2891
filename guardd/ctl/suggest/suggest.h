// Policies for services and trees of a machine, from what their units say and from who owns what is
// there. Every one of them passes guardctl check: it is asked before it is suggested.
#pragma once

#include <string>
#include <vector>

#include "guardd/ctl/machine/machine.h"
#include "guardd/ctl/suggest/proposal.h"
#include "policy/base/result.h"
#include "policy/policy_set.h"

namespace guard::suggest {

struct Request {
  std::vector<std::string> units;      // none: those that are enabled or running
  const PolicySet* present = nullptr;  // what is guarded already; null: nothing, or not known
};

// An error names the unit that there is not.
Result<Suggestion> suggest_for_units(const Machine& machine, const Request& request);

// `trees`: absolute paths. An error names the one that is no directory.
Result<Suggestion> suggest_for_trees(const Machine& machine, const std::vector<std::string>& trees,
                                     const PolicySet* present);

}  // namespace guard::suggest
