// What the kernel says of its own functions (BTF), and how this process sees the machine: what both
// the LSM programs and the tracer have to know before they are loaded. Any thread.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "policy/base/handle.h"
#include "policy/base/result.h"

struct btf;

namespace guard {

class KernelTypes {
 public:
  static Result<KernelTypes> load();

  // How many arguments a function of the kernel has; nothing if there is no such function.
  std::optional<unsigned> arguments_of(const std::string& function) const;

 private:
  struct Free {
    void operator()(btf* types) const noexcept;
  };
  using Types = std::unique_ptr<btf, Free>;

  explicit KernelTypes(Types types) : types_(std::move(types)) {}

  Types types_;
};

// Process numbers are told as this process counts them; 0: it cannot be found out.
std::uint32_t own_pid_namespace();

// Where paths begin for this process.
struct OwnRoot {
  std::uint64_t inode = 0;  // 0: at the mount namespace's own root
  std::uint32_t mount = 0;
};
OwnRoot own_root();

// Tells the programs, before they are loaded.
template <typename Constants>
void set_own_view(Constants& constants) {
  const auto root = own_root();
  if (const auto inum = own_pid_namespace(); inum != 0) constants.guard_pid_namespace = inum;
  constants.guard_root_inode = root.inode;
  constants.guard_root_mount = root.mount;
}

}  // namespace guard
