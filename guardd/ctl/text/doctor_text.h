// The checks of doctor as text and JSON: one line each; below a problem, why it matters and the
// fix.
#pragma once

#include <string>

#include "guardd/ctl/doctor/check.h"
#include "guardd/ctl/screen/json.h"
#include "guardd/ctl/screen/terminal.h"

namespace guard::ctl {

struct CheckCounts {
  std::size_t passed = 0;
  std::size_t warnings = 0;
  std::size_t failures = 0;
  std::size_t skipped = 0;
};
CheckCounts tally(const doctor::Checks& checks);

// `all`: also shows why checks that passed matter, and what to do about skipped ones.
std::string diagnosis_text(const Terminal& terminal, const doctor::Checks& checks, bool all);
Json diagnosis_json(const doctor::Checks& checks);

}  // namespace guard::ctl
