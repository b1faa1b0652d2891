// What the daemon may do, and no more.
#pragma once

#include "policy/base/result.h"

namespace guard {

// Gives up every capability that is not needed and checks that it is gone. A botched drop is worse
// than an end: the error ends the daemon.
Status keep_only_needed_capabilities();

// As many descriptors as the system allows: trees are deep, and marks are many.
void raise_descriptor_limit();

}  // namespace guard
