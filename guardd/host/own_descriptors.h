// For threads that can block on a file system that never answers. No signal ends such a wait, and
// the thread keeps its descriptors open until it ends: if it shared the permission group, opens
// would still wait after guardd is killed.
#pragma once

#include <linux/close_range.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

namespace guard {

// Gives the calling thread, and the threads that it starts, a descriptor table of their own with
// only this descriptor and the standard streams. Returns false if they still share the old one.
inline bool unshare_descriptors([[maybe_unused]] int but) {
#ifdef __SANITIZE_THREAD__
  return false;  // it confuses equal numbers of different tables
#else
  const auto close = [](int first, unsigned last, unsigned how) {
    return ::syscall(SYS_close_range, static_cast<unsigned>(first), last, how) == 0;
  };
  return (but > 3 ? close(3, static_cast<unsigned>(but) - 1, CLOSE_RANGE_UNSHARE)
                  : ::unshare(CLONE_FILES) == 0) &&
         close(but + 1, UINT_MAX, 0);
#endif
}

}  // namespace guard
