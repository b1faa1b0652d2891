#include "guardd/files/object.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "guardd/files/proc_path.h"
#include "guardd/host/clock.h"
#include "guardd/host/files.h"
#include "guardd/host/open_resolved.h"
#include "policy/base/text.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

namespace guard {
namespace {

constexpr std::uint64_t kBeneath =
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;

// Waits for nothing, and leaves no trace in the file.
constexpr int kToRead = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOATIME;

// Well below PATH_MAX: a longer path takes several steps.
constexpr std::size_t kLongestStep = 3000;

Result<Fd> open_step(int from, const char* path, int flags, std::uint64_t resolve) {
  auto fd = open_resolved(from, path, O_NOFOLLOW | flags, resolve);
  if (!fd) return Error::from_errno(errno, quote(path));
  return fd;
}

Result<Object> look_at(Fd fd) {
  Object object;
  object.fd = std::move(fd);
  GUARD_CHECK(refresh(object));
  return object;
}

ObjectTimes times_of(const struct statx& facts) {
  const auto known = [&](std::uint32_t mask, const statx_timestamp& time) {
    return (facts.stx_mask & mask) != 0 ? nanoseconds(time) : 0;
  };
  return {(facts.stx_mask & STATX_SIZE) != 0 ? facts.stx_size : 0,
          known(STATX_MTIME, facts.stx_mtime), known(STATX_CTIME, facts.stx_ctime),
          known(STATX_BTIME, facts.stx_btime)};
}

}  // namespace

ObjectState state_of(const struct statx& facts) {
  return {file_type(facts.stx_mode),     Uid{facts.stx_uid}, Gid{facts.stx_gid},
          Mode{facts.stx_mode & 07777U}, facts.stx_nlink,    times_of(facts)};
}

InodeId inode_of(const struct statx& facts) {
  return {makedev(facts.stx_dev_major, facts.stx_dev_minor), facts.stx_ino};
}

Status refresh(Object& object) {
  struct statx facts {};
  if (::statx(object.fd.get(), "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
              STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, &facts) < 0) {
    return Error::from_errno(errno, "stat");
  }
  object.id = inode_of(facts);
  object.mount = facts.stx_mnt_id;
  object.state = state_of(facts);
  object.changed = nanoseconds(facts.stx_ctime);
  object.is_mount_point = (facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  object.is_immutable = (facts.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) != 0;
  return {};
}

Result<Object> open_tree(const std::string& path) {
  GUARD_TRY(auto fd, open_step(AT_FDCWD, path.c_str(), O_PATH | O_DIRECTORY,
                               RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS));
  return look_at(std::move(fd));
}

Result<Object> open_object(const Object& root, std::string_view relative_path) {
  Fd at(::fcntl(root.fd.get(), F_DUPFD_CLOEXEC, 3));
  if (!at) return Error::from_errno(errno, "dup");
  auto rest = relative_path;
  while (!rest.empty()) {
    auto length = rest.size();
    if (length > kLongestStep) {
      length = rest.rfind('/', kLongestStep);
      if (length == std::string_view::npos)
        return Error::from_errno(ENAMETOOLONG, "a name in the path");
    }
    const bool last = length == rest.size();
    GUARD_TRY(at, open_step(at.get(), std::string(rest.substr(0, length)).c_str(),
                            last ? O_PATH : O_PATH | O_DIRECTORY, kBeneath));
    rest.remove_prefix(std::min(length + 1, rest.size()));
  }
  GUARD_TRY(auto object, look_at(std::move(at)));
  // RESOLVE_NO_XDEV rejects a mount only within one step, so the result is checked as well.
  if (object.mount != root.mount) return Error::from_errno(EXDEV, quote(relative_path));
  return object;
}

Result<Object> open_entry(const Object& root, int directory, const char* name) {
  GUARD_TRY(auto fd, open_step(directory, name, O_PATH, kBeneath));
  GUARD_TRY(auto object, look_at(std::move(fd)));
  if (object.mount != root.mount) return Error::from_errno(EXDEV, quote(name));
  return object;
}

Result<Object> open_file(const Object& root, int directory, const char* name) {
  GUARD_TRY(auto fd, open_step(directory, name, kToRead, kBeneath));
  GUARD_TRY(auto object, look_at(std::move(fd)));
  if (object.mount != root.mount) return Error::from_errno(EXDEV, quote(name));
  if (object.state.type != FileType::kRegular) return Error::from_errno(EISDIR, quote(name));
  object.is_readable = true;
  return object;
}

int change_owner(const Object& object, Uid uid, Gid gid) {
  const int done = object.is_readable ? ::fchown(object.fd.get(), uid.value, gid.value)
                                      : ::fchownat(object.fd.get(), "", uid.value, gid.value,
                                                   AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
  return done < 0 ? errno : 0;
}

int change_mode(const Object& object, Mode mode) {
  if (object.is_readable) return ::fchmod(object.fd.get(), mode.value) < 0 ? errno : 0;
  if (::syscall(SYS_fchmodat2, object.fd.get(), "", mode.value, AT_EMPTY_PATH) == 0) return 0;
  // EPERM: also from a system call filter that does not know this call.
  if (errno != ENOSYS && errno != EINVAL && errno != EOPNOTSUPP && errno != EPERM) return errno;
  // Before Linux 6.6.
  return ::chmod(ProcPath(object).text(), mode.value) < 0 ? errno : 0;
}

}  // namespace guard
