// The LSM hooks that the programs in guard.bpf.c attach to, and whether this kernel has them as the
// programs know them. Pure: the kernel's side of it is handed in.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace guard {

// Kernels have changed how many arguments a hook has before, and a program that reads the wrong one
// would judge by nonsense.
struct KnownHook {
  std::string_view name;
  unsigned arguments;
};

inline constexpr std::array kKnownHooks{
    KnownHook{"inode_create", 3},  KnownHook{"inode_mkdir", 3}, KnownHook{"inode_mknod", 4},
    KnownHook{"inode_symlink", 3}, KnownHook{"inode_link", 3},  KnownHook{"inode_rename", 4},
    KnownHook{"file_open", 1},
};

// Why the program for `hook` cannot be used where the kernel's hook has this many arguments, or
// does not exist; empty if it can.
std::string misfit(std::string_view hook, std::optional<unsigned> arguments,
                   std::span<const KnownHook> known);

}  // namespace guard
