#include "guardd/kernel/inode_pins.h"

#include <fcntl.h>
#include <sys/fanotify.h>

#include <cerrno>

namespace guard {
namespace {

// An event that a directory never has, because no process opens it for writing. Events with file
// identities would be impossible on subvolumes of btrfs.
constexpr std::uint64_t kMask = FAN_CLOSE_WRITE;

}  // namespace

Result<InodePins> InodePins::create() {
  Fd group(::fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_MARKS,
                           O_RDONLY | O_CLOEXEC));
  if (!group) return Error::from_errno(errno, "fanotify");
  return InodePins(std::move(group));
}

Status InodePins::pin(int directory) const {
  if (::fanotify_mark(group_.get(), FAN_MARK_ADD | FAN_MARK_ONLYDIR, kMask, directory, nullptr) ==
      0)
    return {};
  return Error::from_errno(errno, "pin");
}

void InodePins::unpin(int directory) const {
  (void)::fanotify_mark(group_.get(), FAN_MARK_REMOVE | FAN_MARK_ONLYDIR, kMask, directory,
                        nullptr);
}

}  // namespace guard
