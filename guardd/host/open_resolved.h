// openat2(2): opens a path only if it resolves as `resolve` demands (RESOLVE_*). Any thread.
#pragma once

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "policy/base/handle.h"

namespace guard {

// On failure the result is empty and errno is set. EAGAIN: a rename kept the kernel from being sure
// that the path stays beneath `from`.
inline Fd open_resolved(int from, const char* path, int flags, std::uint64_t resolve,
                        unsigned mode = 0) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = resolve;
  for (;;) {
    Fd fd(static_cast<int>(::syscall(SYS_openat2, from, path, &how, sizeof how)));
    if (fd || (errno != EINTR && errno != EAGAIN)) return fd;
  }
}

}  // namespace guard
