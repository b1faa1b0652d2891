// Proves that the kernel calls the attached LSM programs and obeys them. Uses a tmpfs that is never
// mounted: no path leads there, no process notices, and nothing is left behind.
#pragma once

#include "bpf/lsm.h"
#include "policy/base/result.h"

namespace guard {

// Needs CAP_SYS_ADMIN and `lsm` attached. Succeeds only if a file cannot be created below a tagged
// directory, which must be counted, and can be created outside of it.
Status try_canary(Lsm& lsm);

}  // namespace guard
