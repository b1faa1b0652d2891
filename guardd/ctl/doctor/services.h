// Checks that guardd starts before the services that it guards and after their file systems, and
// that its unit has no settings that weaken it.
#pragma once

#include "guardd/ctl/doctor/check.h"
#include "guardd/ctl/machine/machine.h"
#include "policy/policy_set.h"

namespace guard::doctor {

using machine::Machine;

Checks services_checks(const Machine& machine, const PolicySet& set);

}  // namespace guard::doctor
