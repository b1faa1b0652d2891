#include "guardd/who/executable_ids.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "policy/base/handle.h"

namespace guard {

InodeId ExecutableIds::as_stat_says(const std::string& path, InodeId traced) {
  if (const auto known = known_.find(traced); known != known_.end()) return known->second;
  const auto id = look(path, traced);
  if (known_.size() >= kBound) known_.clear();
  known_.emplace(traced, id);
  return id;
}

// The device of the mount that a path lies in, as the kernel has it; 0 if there is none.
std::uint64_t ExecutableIds::device_below(const std::string& path) const {
  std::ifstream mounts(mounts_);
  std::uint64_t device = 0;
  std::size_t longest = 0;
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string skipped, number, point;
    fields >> skipped >> skipped >> number >> skipped >> point;
    const bool covers = point == "/" || (path.starts_with(point) && path[point.size()] == '/');
    if (!covers || point.size() < longest) continue;  // of two at one place the later one counts
    longest = point.size();
    unsigned major = 0;
    unsigned minor = 0;
    // NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers
    if (std::sscanf(number.c_str(), "%u:%u", &major, &minor) == 2)
      device = ::gnu_dev_makedev(major, minor);
  }
  return device;
}

// Whoever starts a program chooses the path, and must not hold us up with a file system of theirs:
// so first of all the path has to lie, for us as well, in a mount of the super block that the file
// was executed from. Without that, or when anything fails, the kernel's own identity stays: an
// allow by executable then does not match, and what it allows is told.
InodeId ExecutableIds::look(const std::string& path, InodeId traced) const {
  if (device_below(path) != traced.device) return traced;
  open_how how{};
  how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const Fd file(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
  struct statx facts {};
  constexpr int kHow = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
  if (!file || ::statx(file.get(), "", kHow, STATX_INO, &facts) != 0) return traced;
  // Devices of a file system's own are never those of another: the same number is the same file.
  if (facts.stx_ino != traced.inode) return traced;
  return {::gnu_dev_makedev(facts.stx_dev_major, facts.stx_dev_minor), facts.stx_ino};
}

}  // namespace guard
