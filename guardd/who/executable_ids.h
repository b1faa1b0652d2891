// The identity of executables according to stat(), which policies use. It is that of the kernel,
// except on file systems that make up device numbers (btrfs, overlayfs). Looks up each executable
// once; bounded. One thread.
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

  // `traced`: superblock and inode in the kernel. Returns it unchanged, unless the same file has
  // another device at this path.
  InodeId stat_identity(const std::string& path, InodeId traced);

 private:
  static constexpr std::size_t kBound = 4096;

  std::uint64_t device_below(const std::string& path) const;
  InodeId look(const std::string& path, InodeId traced) const;

  std::string mounts_;
  std::unordered_map<InodeId, InodeId> known_;
};

}  // namespace guard
