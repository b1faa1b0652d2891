// Proves that attached LSM programs are called and obeyed, in a tmpfs of its own that is never
// mounted anywhere: no path leads there, nobody is disturbed, nothing is left behind.
#pragma once

#include "bpf/lsm.h"
#include "policy/base/result.h"

namespace guard {

// Needs CAP_SYS_ADMIN and `lsm` attached. Good only if a creation below a tagged directory is
// refused and counted, and one beside it is not.
Status try_canary(Lsm& lsm);

}  // namespace guard
