// Links of the LSM programs as somebody else keeps them: PID 1 as descriptors, a BPF file system as
// files. Whoever holds one has its program judge, and all that it judges by stays. Any thread.
#pragma once

#include <string>

#include "policy/base/handle.h"
#include "policy/base/result.h"

namespace guard {

// Good only if it is a link such as Lsm has: to an LSM hook, or to the forks of processes.
Status check_kept_link(int fd);

// The directory is there, on a BPF file system.
Status pin_link(int fd, const std::string& path);
Result<Fd> open_pinned_link(const std::string& path);

}  // namespace guard
