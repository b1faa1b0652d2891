#include "guardd/who/executable_ids.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "policy/base/handle.h"

namespace guard {

InodeId ExecutableIds::as_stat_says(const std::string& path, InodeId traced) {
  if (const auto known = known_.find(traced); known != known_.end()) return known->second;
  const auto id = look(path, traced);
  if (known_.size() >= kBound) known_.clear();
  known_.emplace(traced, id);
  return id;
}

InodeId ExecutableIds::look(const std::string& path, InodeId traced) const {
  // Whoever starts a program chooses the path. A lookup in the kernel's cache alone can neither be
  // held up by a file system of theirs nor miss what was just executed.
  open_how how{};
  how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_CACHED | RESOLVE_NO_SYMLINKS;
  const Fd file(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
  struct statx facts {};
  constexpr unsigned kAsked = STATX_INO | STATX_MNT_ID;
  if (!file || ::statx(file.get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, kAsked, &facts) != 0)
    return traced;
  const InodeId said{::gnu_dev_makedev(facts.stx_dev_major, facts.stx_dev_minor), facts.stx_ino};
  if (said == traced || said.inode != traced.inode || (facts.stx_mask & STATX_MNT_ID) == 0)
    return traced;
  // The path leads to the same inode number. It is the same file if it lies on the same super
  // block, whose device the list of mounts has as the kernel does.
  std::ifstream mounts(mounts_);
  for (std::string line; std::getline(mounts, line);) {
    unsigned long long mount = 0;
    unsigned major = 0;
    unsigned minor = 0;
    // NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers
    if (std::sscanf(line.c_str(), "%llu %*u %u:%u", &mount, &major, &minor) == 3 &&
        mount == facts.stx_mnt_id)
      return ::gnu_dev_makedev(major, minor) == traced.device ? said : traced;
  }
  return traced;
}

}  // namespace guard
