#include "guardd/host/fanotify_probe.h"

#include <fcntl.h>
#include <sys/fanotify.h>

#include <cerrno>

#include "policy/base/handle.h"
#include "policy/base/result.h"

// The headers of Debian 12 do not have it, though its kernel does.
#ifndef FAN_REPORT_TARGET_FID
#define FAN_REPORT_TARGET_FID 0x00001000
#endif

namespace guard {
namespace {

// 0 or an error number.
int try_group(unsigned flags) {
  const Fd group(
      ::fanotify_init(flags | FAN_CLOEXEC | FAN_NONBLOCK, O_RDONLY | O_LARGEFILE | O_CLOEXEC));
  return group ? 0 : errno;
}

std::string why(int code, const std::string& what) {
  if (code == EPERM) return what + " cannot be tried without root (CAP_SYS_ADMIN)";
  if (code == ENOSYS) return "the kernel has no fanotify (CONFIG_FANOTIFY)";
  return Error::from_errno(code, "the kernel rejects " + what).text();
}

}  // namespace

FanotifySupport probe_fanotify() {
  FanotifySupport support;
  const int notices = try_group(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME);
  const int permission = try_group(FAN_CLASS_CONTENT);
  support.notices = notices == 0;
  support.permission = permission == 0;
  if (notices != 0) {
    support.reason = why(notices, "reporting changes by name");
  } else if (permission != 0) {
    support.reason = why(permission, "holding an open until it is answered");
  }
  return support;
}

}  // namespace guard
