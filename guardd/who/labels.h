// Which programs are package managers, backups and configuration management: the built-in sets of
// the contract. Data and a search in it. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/words.h"

namespace guard {

// `exe` is the executable's path, `arguments` the command line with a NUL behind each: a script is
// known by the interpreter's first argument that is no option. Programs count only where the system
// keeps them, so a file of the same name elsewhere is nothing.
EnumSet<Label> labels_of(std::string_view exe, std::string_view arguments);

// Where a program of one of the sets would lie, if this machine has it.
struct LabelledPath {
  std::string path;
  Label label;
};
std::vector<LabelledPath> labelled_paths();

}  // namespace guard
