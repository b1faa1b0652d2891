#include "guardd/kernel/inode_pins.h"

#include <fcntl.h>
#include <sys/fanotify.h>

#include <cerrno>

namespace guard {
namespace {

// The rarest event there is, so that the marks cost nothing. The events are never read: the kernel
// queues a few thousand of them at most, then drops the rest.
constexpr std::uint64_t kMask = FAN_DELETE_SELF;

}  // namespace

Result<InodePins> InodePins::create() {
  Fd group(::fanotify_init(
      FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_FID | FAN_UNLIMITED_MARKS,
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
