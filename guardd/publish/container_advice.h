// Advice for what happens in a container of Docker or Podman: the same command there, as the owner.
// Pure; any thread.
#pragma once

#include <string>

#include "policy/record/record.h"

namespace guard {

// Not if another runtime has it, or a user: only that user's podman enters it, and its name is the
// user's choice.
bool can_enter_container(const Actor& actor);

// "docker exec -u www-data web ", for an actor that can be followed. `directory`: where the command
// runs; empty: anywhere.
std::string container_prefix(const Violation& violation, const std::string& directory,
                             const char* options = "");

}  // namespace guard
