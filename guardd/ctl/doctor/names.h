// Whether the users and groups that policies name are known when guardd starts, and how fast.
#pragma once

#include <chrono>

#include "guardd/ctl/doctor/check.h"
#include "guardd/ctl/doctor/machine.h"
#include "policy/lookup.h"
#include "policy/policy_set.h"

namespace guard::doctor {

// `slow`: a look-up that takes longer is worth a word.
Checks names_checks(const Machine& machine, const PolicySet& set, const Users& users,
                    std::chrono::milliseconds slow = std::chrono::milliseconds(200));

}  // namespace guard::doctor
