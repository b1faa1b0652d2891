// The privileges and limits of the daemon's process. Called at start, before other threads exist.
#pragma once

#include "policy/base/result.h"

namespace guard {

// Drops every capability that guardd does not need, and checks that it is gone. Fails safe: an
// error ends the daemon.
Status keep_only_needed_capabilities();

// Allows as many descriptors as the system does: guardd opens one per level of a tree.
void raise_descriptor_limit();

}  // namespace guard
