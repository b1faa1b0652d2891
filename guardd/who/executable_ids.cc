#include "guardd/who/executable_ids.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "guardd/host/open_resolved.h"

namespace guard {

namespace {

// The device, in the kernel, of the mount that contains a path; 0: none.
std::uint64_t device_below(const std::string& path, const std::string& file) {
  std::ifstream mounts(file);
  std::uint64_t device = 0;
  std::size_t longest = 0;
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string skipped, number, point;
    fields >> skipped >> skipped >> number >> skipped >> point;
    const bool covers = point == "/" || (path.starts_with(point) && path[point.size()] == '/');
    if (!covers || point.size() < longest) continue;  // of two at one place, the later is on top
    longest = point.size();
    unsigned major = 0;
    unsigned minor = 0;
    // NOLINTNEXTLINE(cert-err34-c): numbers from the kernel
    if (std::sscanf(number.c_str(), "%u:%u", &major, &minor) == 2)
      device = ::gnu_dev_makedev(major, minor);
  }
  return device;
}

}  // namespace

// The path must lie, in guardd's view, in a mount of the superblock that the file was executed
// from. Fails safe: otherwise, and on any error, the identity of the kernel is used. Then an allow
// by executable does not match, and the violation is reported.
InodeId stat_identity(const std::string& path, InodeId kernel_id, const std::string& mounts) {
  if (device_below(path, mounts) != kernel_id.device) return kernel_id;
  const auto file = open_resolved(AT_FDCWD, path.c_str(), O_PATH | O_NOFOLLOW,
                                  RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
  struct statx facts {};
  constexpr int kHow = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
  if (!file || ::statx(file.get(), "", kHow, STATX_INO, &facts) != 0) return kernel_id;
  // The device numbers of a file system are unique, so the same inode number is the same file.
  if (facts.stx_ino != kernel_id.inode) return kernel_id;
  return {::gnu_dev_makedev(facts.stx_dev_major, facts.stx_dev_minor), facts.stx_ino};
}

}  // namespace guard
