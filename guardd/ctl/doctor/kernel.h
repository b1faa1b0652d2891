// What the kernel can do for guardd, and what it lets users do against it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bpf/probe.h"
#include "guardd/ctl/doctor/check.h"
#include "guardd/ctl/doctor/machine.h"
#include "guardd/host/fanotify_probe.h"

namespace guard::doctor {

// What can only be found out by trying.
struct KernelTrials {
  LsmSupport lsm;
  FanotifySupport fanotify;
  // Hooks that the LSM programs attach to and this kernel lacks; absent: nobody can say.
  std::optional<std::vector<std::string>> missing_hooks;
};
KernelTrials try_kernel();

Checks kernel_checks(const Machine& machine, const KernelTrials& trials);

}  // namespace guard::doctor
