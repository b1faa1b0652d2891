// What the offender should have done instead, as something to type. Pure; any thread.
#pragma once

#include <string>

#include "policy/record/record.h"

namespace guard {

struct Advice {
  std::string command;  // safe to paste, whatever the processes were called; empty: there is none
  std::string remark;   // a few words behind it, may be empty
};

Advice advice_for(const Violation& violation, const Ancestor& command);

// "alice as root", "backup.service", "user 1001", "somebody": already printable.
std::string who_text(const Violation& violation);

// "git pull", "bash"; printable, not shortened. Empty: not known.
std::string command_text(const Ancestor& command);

}  // namespace guard
