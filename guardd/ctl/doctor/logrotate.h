// What logrotate will make, and for whom: its create and su lines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "guardd/ctl/doctor/machine.h"

namespace guard::doctor {

struct Rotation {
  std::string path;  // of the log; may be a pattern
  std::string key;   // "create" or "su"
  std::string user;
  std::string group;
  std::optional<std::uint32_t> mode;
  std::string place;
};

// Only those that name a user; "su root" makes nothing of root's, and is left out.
std::vector<Rotation> rotations(const Machine& machine);

}  // namespace guard::doctor
