// The privileges and limits of the daemon's process. Called at start, before other threads exist.
#pragma once

#include "policy/base/result.h"

namespace guard {

// Drops every capability that guardd and its helpers do not need, makes those that only helpers
// need unusable for guardd, and checks both. Fails safe: an error ends the daemon.
Status keep_only_needed_capabilities();

// A core dump waits for all threads, and so for one that is stuck in the kernel: guardd has none,
// and ends at once. Its memory, which root's files may be in, stays off the disk.
void forbid_core_dumps();

// Allows as many descriptors as the system does: guardd opens one per level of a tree.
void raise_descriptor_limit();

}  // namespace guard
