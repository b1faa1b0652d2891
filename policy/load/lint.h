// What is valid and still not what anybody meant: rules that never match, allows that exempt
// everybody, trees whose neighbourhood makes the policy pointless or dangerous.
#pragma once

#include "policy/diagnostic.h"
#include "policy/lookup.h"
#include "policy/policy_set.h"

namespace guard {

// Mostly warnings. An error is a tree that a third user could put something else in the place of:
// such a policy is refused, since guardd would act as root on what that user chose.
void lint(const PolicySet& set, const Files& files, Diagnostics& diagnostics);

}  // namespace guard
