// The files that logrotate will create, and their owners: its create and su lines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "guardd/ctl/machine/machine.h"

namespace guard::doctor {

using machine::Machine;

struct Rotation {
  std::string path;  // of the log; may be a pattern
  std::string key;   // "create" or "su"
  std::string user;
  std::string group;
  std::optional<std::uint32_t> mode;
  std::string place;
};

// Only those that name a user. "su root" is left out: it does not decide who owns new files.
std::vector<Rotation> rotations(const Machine& machine);

}  // namespace guard::doctor
