// Finds the command that a person typed or a unit started: among the ancestors of an actor, the
// first process below a shell, a login, a change of user or a service manager. Pure; any thread.
#pragma once

#include "policy/record/record.h"

namespace guard {

// Returns the actor itself if it has no known ancestors. The pid is 0 if it is unknown.
Ancestor top_command(const Actor& actor);

// A shell that reads commands from a person, as opposed to one that runs a script or `-c`.
bool is_interactive_shell(const Ancestor& process);

}  // namespace guard
