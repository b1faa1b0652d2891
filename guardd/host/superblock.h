// The device number that the kernel uses for a file: that of its superblock. stat(2) returns
// another one on file systems with device numbers of their own (btrfs, overlay). Any thread.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>

namespace guard {

// In the encoding of the kernel, which differs from that of user space.
constexpr std::uint32_t kernel_device(std::uint32_t major, std::uint32_t minor) {
  return major << 20U | minor;
}

// The superblock of an open file (O_PATH is enough), or the device of stat(2) if it is not known.
std::uint32_t superblock_of(int fd);

// The type of the file system of an open file, such as "ext4". Empty: it is not known.
std::string file_system_of(int fd);

// The superblock of a mount, from the text of /proc/self/mountinfo.
std::optional<std::uint32_t> superblock_of_mount(std::istream& mountinfo, std::uint64_t mount);

}  // namespace guard
