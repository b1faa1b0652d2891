// The identity of executables as stat() gives it, which is what policies go by. The kernel's own is
// the same but where a file system makes up devices of its own (btrfs, overlayfs). Asks the file
// system once for each executable; bounded. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "policy/base/ids.h"

namespace guard {

class ExecutableIds {
 public:
  explicit ExecutableIds(std::string mounts) : mounts_(std::move(mounts)) {}

  // `traced`: super block and inode as the kernel has them. Itself, unless the very same file is
  // found at the path under another device.
  InodeId as_stat_says(const std::string& path, InodeId traced);

 private:
  static constexpr std::size_t kBound = 4096;

  std::uint64_t device_below(const std::string& path) const;
  InodeId look(const std::string& path, InodeId traced) const;

  std::string mounts_;
  std::unordered_map<InodeId, InodeId> known_;
};

}  // namespace guard
