// Checks that the person behind a change can be identified: the login uid, and the PAM stacks that
// set it.
#pragma once

#include "guardd/ctl/doctor/check.h"
#include "guardd/ctl/machine/machine.h"

namespace guard::doctor {

using machine::Machine;

Checks people_checks(const Machine& machine);

}  // namespace guard::doctor
