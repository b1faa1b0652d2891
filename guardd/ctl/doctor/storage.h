// Checks that guardd's state, the audit trail and the journal are persistent.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "guardd/ctl/doctor/check.h"
#include "guardd/ctl/machine/machine.h"

namespace guard::doctor {

using machine::Machine;

struct StateFacts {
  std::string path;
  int error = 0;  // why it cannot be read
  uid_t uid = 0;
  mode_t mode = 0;
  bool read_only = false;
  std::uint64_t free_bytes = 0;
  std::optional<std::uint64_t> trail_bytes;  // size of the audit trail, if readable
};
StateFacts look_at_state(const std::string& path);

Checks storage_checks(const Machine& machine, const StateFacts& state);

}  // namespace guard::doctor
