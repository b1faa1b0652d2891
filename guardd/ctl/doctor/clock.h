// Checks that reports have the right time.
#pragma once

#include <chrono>
#include <optional>

#include "guardd/ctl/doctor/check.h"
#include "guardd/ctl/machine/machine.h"

namespace guard::doctor {

using machine::Machine;

struct ClockFacts {
  std::chrono::system_clock::time_point now;
  // When this program was built; a correct clock is never earlier.
  std::optional<std::chrono::system_clock::time_point> built;
  std::optional<bool> is_synchronised;  // as the kernel knows it
};
ClockFacts look_at_clock();

Checks clock_checks(const Machine& machine, const ClockFacts& facts);

}  // namespace guard::doctor
