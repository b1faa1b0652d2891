// Predicts what guardd will do about a file that root creates in a tree, as "guardctl explain"
// does. The probe must then show the same. Only reads.
#pragma once

#include <chrono>
#include <string>

#include "policy/explain.h"
#include "policy/policy_set.h"

namespace guard::doctor {

inline constexpr const char* kProbeName = ".guardd-probe-";

struct Forecast {
  std::string name;  // of the file; empty if it would prove nothing
  std::string why_not;
  ExpectedOutcome outcome = ExpectedOutcome::kLeftAlone;
  std::string because;
  WantedState wanted;
  std::chrono::milliseconds settle{0};
};

Forecast forecast(const PolicySet& set, const Tree& tree, Backend backend, const Subject& self);

}  // namespace guard::doctor
