// Links of the LSM programs that outlive guardd: PID 1 holds them as descriptors, a BPF file system
// as files. As long as a link is held, its program and its tables stay in force. Any thread.
#pragma once

#include <string>

#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard {

// Succeeds only for a link of the kind that Lsm has: to an LSM hook, or to process forks.
Status check_kept_link(int fd);

// The directory must exist, on a BPF file system.
Status pin_link(int fd, const std::string& path);
Result<Fd> open_pinned_link(const std::string& path);

}  // namespace guard
