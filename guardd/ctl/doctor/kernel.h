// Checks what the kernel supports, and which attacks of users it prevents.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bpf/probe.h"
#include "guardd/ctl/doctor/check.h"
#include "guardd/ctl/machine/machine.h"
#include "guardd/host/fanotify_probe.h"

namespace guard::doctor {

using machine::Machine;

// What can be found out only by trying.
struct KernelTrials {
  LsmSupport lsm;
  FanotifySupport fanotify;
  // Hooks that the LSM programs attach to and this kernel lacks; absent if that is unknown.
  std::optional<std::vector<std::string>> missing_hooks;
};
KernelTrials try_kernel();

Checks kernel_checks(const Machine& machine, const KernelTrials& trials);

}  // namespace guard::doctor
