// Whether it can be known who did it: the login uid, and the PAM stacks that set it.
#pragma once

#include "guardd/ctl/doctor/check.h"
#include "guardd/ctl/doctor/machine.h"

namespace guard::doctor {

Checks people_checks(const Machine& machine);

}  // namespace guard::doctor
