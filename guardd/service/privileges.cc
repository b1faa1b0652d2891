#include "guardd/service/privileges.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <span>

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

// guardd itself cannot use these: they are permitted only, because a helper process gets no
// capability that guardd does not have. Each helper keeps what its role needs.
constexpr std::array kForHelpers{
    CAP_CHOWN,
    CAP_LEASE,
    CAP_SETUID,
};

bool is_in(unsigned capability, std::span<const int> all) {
  return std::any_of(all.begin(), all.end(),
                     [&](int each) { return static_cast<unsigned>(each) == capability; });
}

void add(std::span<const int> all, int sets) {
  for (const auto each : all)
    (void)capng_update(CAPNG_ADD, static_cast<capng_type_t>(sets), static_cast<unsigned>(each));
}

}  // namespace

Status keep_only_needed_capabilities() {
  capng_clear(CAPNG_SELECT_BOTH);
  add(kNeeded, CAPNG_EFFECTIVE | CAPNG_PERMITTED);
  add(kForHelpers, CAPNG_PERMITTED);
  if (capng_apply(CAPNG_SELECT_CAPS) != 0) return Error("cannot drop capabilities");
  if (capng_get_caps_process() != 0) return Error("cannot read capabilities");
  for (unsigned capability = 0; capability <= CAP_LAST_CAP; ++capability) {
    const bool is_needed = is_in(capability, kNeeded);
    const bool is_kept = is_needed || is_in(capability, kForHelpers);
    if ((!is_kept && capng_have_capability(CAPNG_PERMITTED, capability) != 0) ||
        (!is_needed && capng_have_capability(CAPNG_EFFECTIVE, capability) != 0)) {
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
