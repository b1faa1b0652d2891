#include "guardd/service/privileges.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>

#include <cap-ng.h>

namespace guard {
namespace {

constexpr std::array kNeeded{
    CAP_CHOWN,            // putting owners right
    CAP_FOWNER,           // taking permission bits away
    CAP_DAC_READ_SEARCH,  // looking into trees that others own
    CAP_LEASE,            // asking whether somebody still writes
    CAP_SETGID,           // telling offenders: terminals are for the group tty to write to
    CAP_SETUID,           // taking away, as the owner would, what a refused open has made
    CAP_SYS_ADMIN,        // fanotify
    CAP_SYS_PTRACE,       // who a process is
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
  if (capng_apply(CAPNG_SELECT_CAPS) != 0) return Error("capabilities cannot be given up");
  if (capng_get_caps_process() != 0) return Error("capabilities cannot be read");
  for (unsigned capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    if (!is_needed(capability) && capng_have_capability(CAPNG_PERMITTED, capability) != 0) {
      return Error("capability " + std::to_string(capability) + " was given up and is still there");
    }
  }
  return {};
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);  // less will do for most trees
}

}  // namespace guard
