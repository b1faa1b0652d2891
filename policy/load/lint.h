// Warns about policies that are valid but hardly intended: rules that never match, allows that
// exempt everyone, trees at unsafe or unsuitable places.
#pragma once

#include "policy/diagnostic.h"
#include "policy/lookup.h"
#include "policy/policy_set.h"

namespace guard {

// Mostly warnings. It is an error if another user could replace a tree. Fails safe: such a policy
// is rejected, because guardd would act as root on files that this user chose.
void lint(const PolicySet& set, const Files& files, Diagnostics& diagnostics);

}  // namespace guard
