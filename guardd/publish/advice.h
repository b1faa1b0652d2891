// Suggests what to run instead. Every command is complete, and safe to paste into a shell. Pure;
// any thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "policy/record/record.h"

namespace guard {

struct Advice {
  static constexpr std::size_t kMost = 3;  // commands of an incident

  std::vector<std::string> commands;  // one a line; empty: no suggestion
  std::string remark;                 // a few words about them; may be empty

  std::string text() const;  // all lines, the remark as a comment
};

Advice advice_for(const Violation& violation);
Advice advice_for(const Incident& incident);

// "alice as root", "backup.service", "user 1001", "an unknown process": printable.
std::string who_text(const Violation& violation);

// "git pull", "bash"; printable, not shortened. Empty: unknown.
std::string command_text(const Ancestor& command);
// The same, with the number of further commands: "rsync … and 2 more commands".
std::string commands_text(const Incident& incident, std::size_t columns);

// "nightly.service › bash maintenance.sh"; empty: nothing is above the command.
std::string via_text(const Actor& actor);

}  // namespace guard
