// How the checks of doctor look: a line each, and below what is not well why it matters and how to
// mend it.
#pragma once

#include <string>

#include "guardd/ctl/doctor/check.h"
#include "guardd/ctl/screen/json.h"
#include "guardd/ctl/screen/terminal.h"

namespace guard::ctl {

struct Tally {
  std::size_t well = 0;
  std::size_t warnings = 0;
  std::size_t failures = 0;
  std::size_t skipped = 0;
};
Tally tally(const doctor::Checks& checks);

// `all`: also why it matters what is well, and what to do about what could not be told.
std::string diagnosis_text(const Terminal& terminal, const doctor::Checks& checks, bool all);
Json diagnosis_json(const doctor::Checks& checks);

}  // namespace guard::ctl
