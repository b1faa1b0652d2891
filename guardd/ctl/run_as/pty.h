// A command on a terminal of its own, between which and the real one everything is passed on.
// Whoever has somebody's terminal can type into it and read from it, even after his command has
// ended: another user's command never gets it.
#pragma once

#include <functional>

#include "policy/base/ids.h"
#include "policy/base/result.h"

namespace guard::ctl {

// Is there one to be protected: among the standard streams, or as /dev/tty?
bool has_terminal();

// Runs what replaces the process that calls it, or returns its exit status; in a child of its own,
// in a session of its own, with a terminal that belongs to this user. Job control goes on working.
// The exit status of the child, or 128 and the signal that ended it.
Result<int> run_on_own_terminal(Uid user, const std::function<int()>& command);

}  // namespace guard::ctl
