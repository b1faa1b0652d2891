// Runs a command on a new pseudo-terminal, and relays between it and the real terminal. A process
// that has a terminal open can type into it and read from it, even after its command has ended: so
// a command of another user never gets the real one.
#pragma once

#include <functional>

#include "policy/base/ids.h"
#include "policy/base/result.h"

namespace guard::ctl {

// Is there a terminal to protect, as a standard stream or as /dev/tty?
bool has_terminal();

// Calls `command` in a child, in a new session on a new terminal of this user; it execs or returns
// an exit status. Job control keeps working. Returns the exit status of the child, or 128 plus the
// signal that ended it.
Result<int> run_on_new_terminal(Uid user, const std::function<int()>& command);

}  // namespace guard::ctl
