// What the LSM programs and the tracer need to know before they are loaded: the signatures of
// kernel functions (BTF), and the namespace and root of this process. Any thread.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "bpf/wire/wire.h"
#include "policy/base/handle.h"
#include "policy/base/result.h"

struct btf;

namespace guard {

class KernelTypes {
 public:
  static Result<KernelTypes> load();

  // The number of arguments of a kernel function; none if it does not exist.
  std::optional<unsigned> arguments_of(const std::string& function) const;
  // Of btrfs, whose module is there once such a file system is mounted.
  Result<SubvolumeLayout> subvolume_layout() const;

 private:
  struct Free {
    void operator()(btf* types) const noexcept;
  };
  using Types = std::unique_ptr<btf, Free>;

  explicit KernelTypes(Types types) : types_(std::move(types)) {}

  Types types_;
};

// The number of this process's namespace of a kind, such as "pid". 0: unknown.
std::uint32_t own_namespace(const char* kind);

// The directory where paths begin for this process.
struct OwnRoot {
  std::uint64_t inode = 0;  // 0: the root of the mount namespace
  std::uint32_t mount = 0;
};
OwnRoot own_root();

// Passes them to the programs, before they are loaded. Records have process ids of guardd's
// namespace, and only mounts of its namespace count.
template <typename Constants>
void set_own_view(Constants& constants) {
  const auto root = own_root();
  if (const auto inum = own_namespace("pid"); inum != 0) constants.guard_pid_namespace = inum;
  if constexpr (requires { constants.guard_mount_namespace; })
    constants.guard_mount_namespace = own_namespace("mnt");
  constants.guard_root_inode = root.inode;
  constants.guard_root_mount = root.mount;
}

}  // namespace guard
