#include "bpf/canary.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "policy/base/handle.h"

namespace guard {
namespace {

Error failure(const char* step) {
  return Error::from_errno(errno, step);
}

// By number: glibc has wrappers only since 2.36, and its header conflicts with the kernel's.
Result<Fd> private_tmpfs() {
  const Fd context(static_cast<int>(::syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC)));
  if (!context) return failure("fsopen");
  if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return failure("fsconfig");
  Fd mount(static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC, 0)));
  if (!mount) return failure("fsmount");
  return mount;
}

Result<Fd> make_directory(const Fd& parent, const char* name) {
  if (::mkdirat(parent.get(), name, 0700) != 0) return failure("mkdir");
  Fd directory(::openat(parent.get(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) return failure("open");
  return directory;
}

// The errno of creating a file, 0 if it was created.
int create(const Fd& directory) {
  const Fd file(::openat(directory.get(), "canary", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  return file ? 0 : errno;
}

}  // namespace

Status try_canary(Lsm& lsm) {
  GUARD_TRY(const auto root, private_tmpfs());
  GUARD_TRY(const auto tagged, make_directory(root, "tagged"));
  GUARD_TRY(const auto below, make_directory(tagged, "below"));
  GUARD_TRY(const auto beside, make_directory(root, "beside"));
  struct stat facts {};
  if (::fstat(tagged.get(), &facts) != 0) return failure("stat");
  TreeTag tag{};
  tag.terms = {::geteuid() + 1, kNotSet, kAnyMode, kAnyMode, kTreeActionDeny};  // not this user
  tag.guards = 1U << kGuardOwnership;
  const TaggedInode inode{facts.st_ino, major(facts.st_dev) << 20U | minor(facts.st_dev), 0, 0};
  GUARD_CHECK(lsm.tag(tagged.get(), inode, tag));
  lsm.set_guards_in_use(tag.guards);
  GUARD_TRY(const auto before, lsm.counters());
  const int denial = create(below);
  const int acceptance = create(beside);
  GUARD_TRY(const auto after, lsm.counters());
  lsm.set_guards_in_use(0);
  lsm.forget(inode);  // the tag is removed with its file system
  if (denial == 0) return Error("the kernel calls no attached LSM program, or ignores its denial");
  if (denial != EPERM || after.denied == before.denied)
    return Error::from_errno(
        denial, "the test file could not be created, but not because of the LSM program");
  if (acceptance != 0)
    return Error::from_errno(acceptance,
                             "a test file outside of the tagged tree could not be created either");
  return {};
}

}  // namespace guard
