// For threads that may wait for a file system that never answers. No signal ends such a wait, and
// until it ends the thread keeps what it shares with the others: had it their descriptors, whoever
// waits for permission would go on waiting after guardd is killed.
#pragma once

#include <linux/close_range.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>

namespace guard {

// The thread that calls this, and those that it starts, have their own descriptors from here on: of
// all others' only this one, and none that is opened later. What they open is only theirs, and must
// be closed by them. False: they share them as before.
inline bool have_own_descriptors([[maybe_unused]] int but) {
#ifdef __SANITIZE_THREAD__
  return false;  // it takes descriptors of the same number for the same
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
