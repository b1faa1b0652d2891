// Checks that the users and groups in policies can be looked up when guardd starts, and fast.
#pragma once

#include <chrono>

#include "guardd/ctl/doctor/check.h"
#include "guardd/ctl/machine/machine.h"
#include "policy/lookup.h"
#include "policy/policy_set.h"

namespace guard::doctor {

using machine::Machine;

// `slow`: a look-up that takes longer is a warning.
Checks names_checks(const Machine& machine, const PolicySet& set, const Users& users,
                    std::chrono::milliseconds slow = std::chrono::milliseconds(200));

}  // namespace guard::doctor
