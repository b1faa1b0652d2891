// Names the command of an actor as a person would: what was typed, a script ran, or a timer
// started, instead of the shell, the agent or the service around it. Pure; any thread.
//
// From the actor upwards, the ancestors end at the innermost boundary: a shell that reads commands
// from a person or a pipe, a login, a change of user, a service manager, a scheduler, a container
// runtime, or a known CI agent. Below the boundary:
//   1. A program that runs helpers of its own is the command: a package manager with the scripts of
//      its packages (even through su), git with its hooks, make, xargs, find.
//   2. Below a person, a scheduler or a CI agent, it is the topmost program that is not a shell.
//      Shells below it are its helpers.
//   3. In a service or a container, it is what the innermost shell has started. Without a shell, it
//      is what the main process has started, because that may be an agent.
// A process that was forked without another program counts as its parent. What is left of the chain
// above the command is `via`.
#pragma once

#include <cstddef>

#include "policy/record/record.h"

namespace guard {

// Sets `command` and `via`. The lineage must be known.
void name_command(Actor& actor);

// The topmost process below the boundary: it groups violations into incidents. The pid is 0 if it
// is unknown.
Ancestor origin_of(const Actor& actor);

// A shell that reads commands, as opposed to one that runs a script or `-c`.
bool is_interactive_shell(const Ancestor& process);
bool is_shell(const Ancestor& process);

// The actor itself.
Ancestor process_of(const Actor& actor);

}  // namespace guard
