// Checks that guardd is running, healthy, and enforces the policies on disk.
#pragma once

#include <string>
#include <vector>

#include "dbus/client/answer.h"
#include "dbus/facts.h"
#include "guardd/ctl/doctor/check.h"
#include "guardd/ctl/machine/machine.h"
#include "policy/load/load.h"

namespace guard::doctor {

using machine::Machine;

struct DaemonFacts {
  bus::Answer<bus::Facts> status;
  bus::Answer<std::vector<bus::PolicyFacts>> policies;
  std::string own_version;
};

// `loaded`: the policies on disk; an error if they cannot be read.
Checks daemon_checks(const Machine& machine, const DaemonFacts& daemon,
                     const Result<LoadResult>& loaded);

}  // namespace guard::doctor
