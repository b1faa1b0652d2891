// A policy value by value, each with where it came from.
#pragma once

#include <string>

#include "guardd/ctl/screen/json.h"
#include "guardd/ctl/screen/terminal.h"
#include "policy/policy_set.h"

namespace guard::ctl {

std::string provenance_text(const Terminal& terminal, const PolicySet& set, const Policy& policy);
Json provenance_json(const PolicySet& set, const Policy& policy);

}  // namespace guard::ctl
