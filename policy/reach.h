// How far each backend reaches: which operations it sees and which it can refuse, and so what a
// policy really gets. Said before anybody relies on it: by check, explain, status and on the bus.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/policy_set.h"
#include "policy/words.h"

namespace guard {

struct Reach {
  bool sees = false;
  bool denies = false;
};
Reach reach(Backend backend, Operation operation);

// What stands in the way at the trees themselves.
struct TreeLimits {
  bool cannot_chown = false;  // a file system without owners, or mounted read-only
  std::string why;            // "/srv/shop is on vfat, which knows no owners"
};

struct EffectiveAction {
  Action wanted = Action::kLog;
  Action got = Action::kLog;  // the lowest that any guard of the policy gets
  // Every difference as a sentence; got can equal wanted and one operation still escape.
  std::vector<std::string> differences;
};
EffectiveAction effective_action(const Policy& policy, Backend backend, const TreeLimits& limits);

}  // namespace guard
