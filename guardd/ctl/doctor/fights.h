// Finds other programs that set owners in guarded trees, and not the owner of the policy:
// tmpfiles.d, logrotate, directories of units. What the policy allows is not a fight.
#pragma once

#include "guardd/ctl/doctor/check.h"
#include "guardd/ctl/machine/machine.h"
#include "policy/lookup.h"
#include "policy/policy_set.h"

namespace guard::doctor {

using machine::Machine;

Checks fights_checks(const Machine& machine, const PolicySet& set, const Users& users);

}  // namespace guard::doctor
