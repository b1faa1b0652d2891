// The proof, from end to end: root leaves a file in a tree, and what guardd then does and tells is
// held against what the policy says. Each leaves an incident of guardctl's. As root only.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "dbus/client/client.h"
#include "guardd/ctl/doctor/check.h"
#include "policy/policy_set.h"

namespace guard::doctor {

struct ProbeSettings {
  std::string bus;                                             // its address; empty: the system's
  std::vector<std::string> only;                               // policies; empty: all
  std::chrono::milliseconds margin = std::chrono::seconds(5);  // beyond the policy's settle
};

struct Probed {
  Checks checks;
  int signal = 0;  // it was stopped by this one, and has cleared away what it had left
};

// `status` and `policies` as guardd says them.
Probed probe(const PolicySet& set, const bus::Facts& status,
             const std::vector<bus::PolicyFacts>& policies, const ProbeSettings& settings);

}  // namespace guard::doctor
