// Suggests policies for services and trees of a machine, from their units and the present owners of
// their files. Every suggestion passes guardctl check.
#pragma once

#include <string>
#include <vector>

#include "guardd/ctl/machine/machine.h"
#include "guardd/ctl/suggest/proposal.h"
#include "policy/base/result.h"
#include "policy/policy_set.h"

namespace guard::suggest {

using machine::Machine;

struct Request {
  std::vector<std::string> units;  // empty for all that are enabled or running
  const PolicySet* present =
      nullptr;  // the policies in force; null if there are none or they are invalid
};

// Fails for a unit that does not exist.
Result<Suggestion> suggest_for_units(const Machine& machine, const Request& request);

// `trees`: absolute paths. Fails for one that is not a directory.
Result<Suggestion> suggest_for_trees(const Machine& machine, const std::vector<std::string>& trees,
                                     const PolicySet* present);

}  // namespace guard::suggest
