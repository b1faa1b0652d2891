// Which operations each backend sees and which it can deny, and so the effective action of a
// policy. Shown by check, explain and status, and on the bus.
#pragma once

#include <string>
#include <vector>

#include "policy/policy_set.h"
#include "policy/words.h"

namespace guard {

struct Reach {
  bool sees = false;
  bool denies = false;
};
Reach reach(Backend backend, Operation operation);

// Limits of the trees themselves.
struct TreeLimits {
  bool cannot_chown = false;  // the file system has no owners or is mounted read-only
  std::string why;            // "/srv/shop is on vfat, which does not store owners"
};

struct EffectiveAction {
  Action wanted = Action::kLog;
  Action got = Action::kLog;  // the weakest action of any guard of the policy
  // One sentence per difference. `got` can equal `wanted` although one operation gets less.
  std::vector<std::string> differences;
};
EffectiveAction effective_action(const Policy& policy, Backend backend, const TreeLimits& limits);

}  // namespace guard
