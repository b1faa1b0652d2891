// Whether guardd runs, is well, and does what the policies on disk say.
#pragma once

#include <string>
#include <vector>

#include "dbus/client/answer.h"
#include "dbus/facts.h"
#include "guardd/ctl/doctor/check.h"
#include "guardd/ctl/doctor/machine.h"
#include "policy/load/load.h"

namespace guard::doctor {

struct DaemonFacts {
  bus::Answer<bus::Facts> status;
  bus::Answer<std::vector<bus::PolicyFacts>> policies;
  std::string own_version;
};

// `loaded`: the policies as they are on disk; an error where they cannot be read at all.
Checks daemon_checks(const Machine& machine, const DaemonFacts& daemon,
                     const Result<LoadResult>& loaded);

}  // namespace guard::doctor
