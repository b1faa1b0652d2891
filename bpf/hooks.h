// The LSM hooks that the programs in guard.bpf.c attach to, and whether this kernel has them in the
// form that the programs expect. Pure: the caller passes in what the kernel has.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "bpf/wire/wire.h"

namespace guard {

// What is lost if a kernel lacks a hook.
enum class Without : std::uint8_t {
  kNothing,     // nothing: another hook does the same, or nothing would pass it
  kLessDenied,  // operations that pass it are neither seen nor denied
  kLessKnown,   // where an object comes from: it may be left alone, although it could be fixed
};

// Kernel releases have changed the arguments of hooks, and a program that reads the wrong argument
// would judge by garbage.
struct KnownHook {
  std::string_view program;
  std::string_view hook;
  unsigned arguments;
  std::uint32_t guards;  // that need the hook, as bits of GuardKind, or kClosingBit
  Without without = Without::kLessDenied;
};

inline constexpr std::uint32_t kOwnershipBit = 1U << kGuardOwnership;
inline constexpr std::uint32_t kContentBit = 1U << kGuardContent;
inline constexpr std::uint32_t kDeleteBit = 1U << kGuardDelete;
inline constexpr std::uint32_t kAttributesBit = 1U << kGuardAttributes;
inline constexpr std::uint32_t kReadBit = 1U << kGuardRead;
// No guard: guardd waits for a file to be closed. Slows down every close on the machine.
inline constexpr std::uint32_t kClosingBit = 1U << 31U;
inline constexpr std::uint32_t kEverything = ~0U;

inline constexpr std::array kKnownHooks{
    KnownHook{"guard_inode_create", "inode_create", 3, kOwnershipBit},
    KnownHook{"guard_inode_mkdir", "inode_mkdir", 3, kOwnershipBit},
    KnownHook{"guard_inode_mknod", "inode_mknod", 4, kOwnershipBit},
    KnownHook{"guard_inode_symlink", "inode_symlink", 3, kOwnershipBit},
    KnownHook{"guard_d_instantiate", "d_instantiate", 2, kOwnershipBit, Without::kLessKnown},
    KnownHook{"guard_inode_link", "inode_link", 3, kOwnershipBit},
    KnownHook{"guard_inode_rename", "inode_rename", 4, kOwnershipBit | kDeleteBit},
    // Without it, an exchange of two names is taken for the deletion of both.
    KnownHook{"guard_path_rename", "path_rename", 5, kDeleteBit, Without::kNothing},
    KnownHook{"guard_inode_unlink", "inode_unlink", 2, kDeleteBit},
    KnownHook{"guard_inode_rmdir", "inode_rmdir", 2, kDeleteBit},
    KnownHook{"guard_file_open", "file_open", 1, kContentBit | kReadBit},
    KnownHook{"guard_file_free", "file_free_security", 1, kClosingBit, Without::kNothing},
    KnownHook{"guard_mmap_file", "mmap_file", 4, kContentBit},
    KnownHook{"guard_file_mprotect", "file_mprotect", 3, kContentBit},
    KnownHook{"guard_inode_setattr", "inode_setattr", 2,
              kOwnershipBit | kContentBit | kAttributesBit, Without::kNothing},
    KnownHook{"guard_inode_setattr_mapped", "inode_setattr", 3,
              kOwnershipBit | kContentBit | kAttributesBit, Without::kNothing},
    KnownHook{"guard_inode_setxattr", "inode_setxattr", 6, kAttributesBit},
    KnownHook{"guard_inode_removexattr", "inode_removexattr", 3, kAttributesBit},
    // Before Linux 6.2, ACLs are set as extended attributes.
    KnownHook{"guard_inode_set_acl", "inode_set_acl", 4, kAttributesBit, Without::kNothing},
    KnownHook{"guard_inode_remove_acl", "inode_remove_acl", 3, kAttributesBit, Without::kNothing},
    // btrfs subvolumes are created by ioctl.
    KnownHook{"guard_file_ioctl", "file_ioctl", 3, kOwnershipBit | kDeleteBit | kAttributesBit},
    KnownHook{"guard_file_ioctl_compat", "file_ioctl_compat", 3,
              kOwnershipBit | kDeleteBit | kAttributesBit, Without::kNothing},
    // Linux 6.17 added the hook together with the system call that passes it.
    KnownHook{"guard_inode_file_setattr", "inode_file_setattr", 2, kAttributesBit,
              Without::kNothing},
    KnownHook{"guard_sb_mount", "sb_mount", 5, kOwnershipBit},
    KnownHook{"guard_move_mount", "move_mount", 2, kOwnershipBit},
    KnownHook{"guard_sb_umount", "sb_umount", 2, kOwnershipBit, Without::kNothing},
};

// Null: unknown program.
const KnownHook* find_hook(std::string_view program, std::span<const KnownHook> known);

// Why the program cannot use the hook, which has this many arguments in the kernel, or is missing.
// Empty if it can.
std::string misfit(const KnownHook& hook, std::optional<unsigned> arguments);

}  // namespace guard
