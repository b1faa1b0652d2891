// Prints the values of a policy, each with its origin.
#pragma once

#include <string>

#include "guardd/ctl/screen/json.h"
#include "guardd/ctl/screen/terminal.h"
#include "policy/policy_set.h"

namespace guard::ctl {

std::string policy_text(const Terminal& terminal, const PolicySet& set, const Policy& policy);
Json policy_json(const PolicySet& set, const Policy& policy);

}  // namespace guard::ctl
