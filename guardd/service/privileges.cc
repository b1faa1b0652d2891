#include "guardd/service/privileges.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>

#include <cap-ng.h>

namespace guard {
namespace {

constexpr std::array kNeeded{
    CAP_FOWNER,           // reading directories of other users without changing when they were read
    CAP_DAC_READ_SEARCH,  // reading trees of other users
    CAP_SETGID,           // notifying offenders: group tty may write to terminals
    CAP_SYS_ADMIN,        // fanotify
    CAP_SYS_PTRACE,       // identifying processes
    CAP_BPF,
    CAP_PERFMON,
};

bool is_needed(unsigned capability) {
  return std::any_of(kNeeded.begin(), kNeeded.end(),
                     [&](int needed) { return static_cast<unsigned>(needed) == capability; });
}

}  // namespace

Status keep_only_needed_capabilities() {
  capng_clear(CAPNG_SELECT_BOTH);
  for (const auto capability : kNeeded)
    capng_update(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED),
                 static_cast<unsigned>(capability));
  if (capng_apply(CAPNG_SELECT_CAPS) != 0) return Error("cannot drop capabilities");
  if (capng_get_caps_process() != 0) return Error("cannot read capabilities");
  for (unsigned capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    if (!is_needed(capability) && capng_have_capability(CAPNG_PERMITTED, capability) != 0) {
      return Error("capability " + std::to_string(capability) +
                   " is still there after it was dropped");
    }
  }
  return {};
}

void forbid_core_dumps() {
  (void)::prctl(PR_SET_DUMPABLE, 0);
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);  // a lower limit is enough for most trees
}

}  // namespace guard
