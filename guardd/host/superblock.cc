#include "guardd/host/superblock.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>

namespace guard {

std::optional<std::uint32_t> superblock_of_mount(std::istream& mountinfo, std::uint64_t mount) {
  for (std::string line; std::getline(mountinfo, line);) {
    std::uint64_t number = 0;
    unsigned major = 0;
    unsigned minor = 0;
    // NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers
    if (std::sscanf(line.c_str(), "%" SCNu64 " %*u %u:%u", &number, &major, &minor) == 3 &&
        number == mount)
      return kernel_device(major, minor);
  }
  return std::nullopt;
}

std::uint32_t superblock_of(int fd) {
  struct statx facts {};
  constexpr int kHow = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
  if (::statx(fd, "", kHow, STATX_MNT_ID, &facts) != 0) return 0;
  if ((facts.stx_mask & STATX_MNT_ID) != 0) {
    std::ifstream mounts("/proc/self/mountinfo");
    if (const auto device = superblock_of_mount(mounts, facts.stx_mnt_id)) return *device;
  }
  return kernel_device(facts.stx_dev_major, facts.stx_dev_minor);
}

std::string file_system_of(int fd) {
  struct statx facts {};
  constexpr int kHow = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
  if (::statx(fd, "", kHow, STATX_MNT_ID, &facts) != 0) return {};
  std::ifstream mounts("/proc/self/mountinfo");
  const auto begin = std::to_string(facts.stx_mnt_id) + " ";
  for (std::string line; std::getline(mounts, line);) {
    constexpr std::string_view kSeparator = " - ";
    const auto separator = line.find(kSeparator);
    if (!line.starts_with(begin) || separator == std::string::npos) continue;
    const auto type = separator + kSeparator.size();
    return line.substr(type, line.find(' ', type) - type);
  }
  return {};
}

}  // namespace guard
