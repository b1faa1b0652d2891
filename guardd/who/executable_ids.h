// The identity of executables according to stat(), which policies use. It is that of the kernel,
// except on file systems that make up device numbers (btrfs, overlayfs).
#pragma once

#include <string>

#include "policy/base/ids.h"

namespace guard {

// `kernel_id`: superblock and inode in the kernel. Returns it unchanged, unless the same file has
// another device at this path. Can wait for a file system: for helper processes.
InodeId stat_identity(const std::string& path, InodeId kernel_id,
                      const std::string& mounts = "/proc/self/mountinfo");

}  // namespace guard
