// For threads that can block on a file system that never answers. No signal ends such a wait, and
// the thread keeps its descriptors open until it ends: if it shared the permission group, opens
// would still wait after guardd is killed.
#pragma once

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <vector>

namespace guard {

// Gives the calling thread, and the threads that it starts, a descriptor table of their own with
// only these descriptors and the standard streams. Returns false if they still share the old one.
inline bool unshare_descriptors([[maybe_unused]] std::vector<int> but) {
#ifdef __SANITIZE_THREAD__
  return false;  // it confuses equal numbers of different tables
#else
  if (::unshare(CLONE_FILES) != 0) return false;
  std::sort(but.begin(), but.end());
  unsigned first = 3;
  for (const auto each : but) {
    const auto kept = static_cast<unsigned>(each);
    if (kept < first) continue;
    if (kept > first && ::syscall(SYS_close_range, first, kept - 1, 0) != 0) return false;
    first = kept + 1;
  }
  return ::syscall(SYS_close_range, first, UINT_MAX, 0) == 0;
#endif
}

}  // namespace guard
