// Suggests the command that an actor should have used. Pure; any thread.
#pragma once

#include <string>

#include "policy/record/record.h"

namespace guard {

struct Advice {
  std::string command;  // always safe to paste; empty: no suggestion
  std::string remark;   // a few words about it; may be empty
};

Advice advice_for(const Violation& violation, const Ancestor& command);

// "alice as root", "backup.service", "user 1001", "an unknown process": printable.
std::string who_text(const Violation& violation);

// "git pull", "bash"; printable, not shortened. Empty: unknown.
std::string command_text(const Ancestor& command);

}  // namespace guard
