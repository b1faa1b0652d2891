// The mounts of this process's mount namespace, as the kernel lists them: no file system is
// touched. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace guard {

struct Mount {
  std::string point;
  std::string type;    // "ext4"
  std::string source;  // "/dev/sda1"
};

// By the kernel's id of the mount.
using MountTable = std::map<std::uint64_t, Mount>;

// From the text of /proc/self/mountinfo. Skips lines that it cannot parse.
MountTable read_mounts(std::string_view mountinfo);
MountTable current_mounts();

// Whether this machine alone answers for file systems of this type. Others, such as NFS and FUSE,
// may never answer.
bool is_local(std::string_view file_system);
// The type of the file system of this path, if it may never answer. The path has no links.
std::optional<std::string> type_that_can_hang(const MountTable& mounts, std::string_view path);

}  // namespace guard
