// The device that the kernel itself has for a file: its super block's. stat(2) tells another one
// where a file system makes up devices of its own (btrfs, overlay). Any thread.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>

namespace guard {

// As the kernel writes a device: not as user space does.
constexpr std::uint32_t kernel_device(std::uint32_t major, std::uint32_t minor) {
  return major << 20U | minor;
}

// Of the file behind this descriptor, which may be O_PATH; that of stat(2) where nobody knows more.
std::uint32_t superblock_of(int fd);

// Of the mount of this number, by the text of /proc/self/mountinfo.
std::optional<std::uint32_t> superblock_of_mount(std::istream& mountinfo, std::uint64_t mount);

}  // namespace guard
