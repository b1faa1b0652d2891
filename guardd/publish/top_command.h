// The command that a person typed or a unit started: of all the processes that lead down to an
// actor, the first below a shell, a login, a switch of user or a manager of units. Pure; any
// thread.
#pragma once

#include "policy/record/record.h"

namespace guard {

// The actor itself if nothing is known above it. Its pid is 0 where not even that is known.
Ancestor top_command(const Actor& actor);

// A shell that reads what a person types, as opposed to one that runs a script or `-c`.
bool is_interactive_shell(const Ancestor& process);

}  // namespace guard
