// Whether what guardd remembers and tells is kept: its state, the trail, and the journal.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "guardd/ctl/doctor/check.h"
#include "guardd/ctl/doctor/machine.h"

namespace guard::doctor {

struct StateFacts {
  std::string path;
  int error = 0;  // why it cannot be looked at
  uid_t uid = 0;
  mode_t mode = 0;
  bool read_only = false;
  std::uint64_t free_bytes = 0;
  std::optional<std::uint64_t> trail_bytes;  // of the audit trail, where it may be seen
};
StateFacts look_at_state(const std::string& path);

Checks storage_checks(const Machine& machine, const StateFacts& state);

}  // namespace guard::doctor
