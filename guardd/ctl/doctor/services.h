// Whether guardd is there before the services whose files it guards, after what they lie on, and as
// it was meant to run.
#pragma once

#include "guardd/ctl/doctor/check.h"
#include "guardd/ctl/doctor/machine.h"
#include "policy/policy_set.h"

namespace guard::doctor {

Checks services_checks(const Machine& machine, const PolicySet& set);

}  // namespace guard::doctor
