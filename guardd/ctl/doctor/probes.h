// Proves policies end to end: root creates a file in a tree, and what guardd then does and reports
// is compared with the policy. Each probe leaves an incident of guardctl. Needs root.
#pragma once

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

struct ProbeResult {
  Checks checks;
  int signal = 0;  // the signal that stopped the probes; their files are removed
};

// `status` and `policies`: as guardd reports them.
ProbeResult probe(const Machine& machine, const PolicySet& set, const bus::Facts& status,
                  const std::vector<bus::PolicyFacts>& policies, const ProbeSettings& settings);

}  // namespace guard::doctor
