// Who else sets owners in guarded trees, and other ones: tmpfiles.d, logrotate, directories of
// units, cron. What the policy allows them is no fight.
#pragma once

#include "guardd/ctl/doctor/check.h"
#include "guardd/ctl/doctor/machine.h"
#include "policy/lookup.h"
#include "policy/policy_set.h"

namespace guard::doctor {

Checks fights_checks(const Machine& machine, const PolicySet& set, const Users& users);

}  // namespace guard::doctor
