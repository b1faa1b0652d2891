// What guardd will make of a file that root leaves in a tree, as "guardctl explain" says it: what
// happens then must be the same. Looks at the tree, changes nothing.
#pragma once

#include <chrono>
#include <string>

#include "policy/explain.h"
#include "policy/policy_set.h"

namespace guard::doctor {

inline constexpr const char* kProbeName = ".guardd-probe-";

struct Forecast {
  std::string name;  // of the file; empty where it proves nothing
  std::string why_not;
  ExpectedOutcome outcome = ExpectedOutcome::kLeftAlone;
  std::string because;
  Wanted wanted;
  std::chrono::milliseconds settle{0};
};

Forecast forecast(const PolicySet& set, const Tree& tree, Backend backend, const Subject& self);

}  // namespace guard::doctor
