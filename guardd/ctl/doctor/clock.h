// Whether what is told has the right time.
#pragma once

#include <chrono>
#include <optional>

#include "guardd/ctl/doctor/check.h"
#include "guardd/ctl/doctor/machine.h"

namespace guard::doctor {

struct ClockFacts {
  std::chrono::system_clock::time_point now;
  // When this program was built: no true clock is earlier.
  std::optional<std::chrono::system_clock::time_point> built;
  std::optional<bool> is_synchronised;  // as the kernel was told
};
ClockFacts look_at_clock();

Checks clock_checks(const Machine& machine, const ClockFacts& facts);

}  // namespace guard::doctor
