#include "bpf/kernel_types.h"

#include <bpf/btf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "bpf/libbpf_log.h"

namespace guard {
namespace {

std::optional<std::uint32_t> offset_of(const btf* types, const char* structure,
                                       std::string_view member) {
  const auto id = btf__find_by_name_kind(types, structure, BTF_KIND_STRUCT);
  if (id < 0) return std::nullopt;
  const auto* type = btf__type_by_id(types, static_cast<std::uint32_t>(id));
  const auto* members = btf_members(type);
  for (std::uint32_t i = 0; i < btf_vlen(type); ++i)
    if (member == btf__name_by_offset(types, members[i].name_off))
      return btf_member_bit_offset(type, i) / 8;
  return std::nullopt;
}

}  // namespace

void KernelTypes::Free::operator()(btf* types) const noexcept {
  btf__free(types);
}

Result<KernelTypes> KernelTypes::load() {
  const LibbpfLog log;
  Types types(btf__load_vmlinux_btf());
  if (!types) return log.error(errno, "read the kernel's type information");
  return KernelTypes(std::move(types));
}

std::optional<unsigned> KernelTypes::arguments_of(const std::string& function) const {
  const auto id = btf__find_by_name_kind(types_.get(), function.c_str(), BTF_KIND_FUNC);
  if (id < 0) return std::nullopt;
  const auto* found = btf__type_by_id(types_.get(), static_cast<std::uint32_t>(id));
  return btf_vlen(btf__type_by_id(types_.get(), found->type));
}

Result<SubvolumeLayout> KernelTypes::subvolume_layout() const {
  const LibbpfLog log;
  // It can be a part of the kernel itself.
  const Types module(btf__load_module_btf("btrfs", types_.get()));
  const auto* types = module ? module.get() : types_.get();
  const auto inode = offset_of(types, "btrfs_inode", "vfs_inode");
  const auto root = offset_of(types, "btrfs_inode", "root");
  const auto key = offset_of(types, "btrfs_root", "root_key");
  const auto number = offset_of(types, "btrfs_key", "objectid");
  if (!inode || !root || !key || !number)
    return Error("the kernel does not say how it keeps the subvolumes of btrfs", ENOTSUP);
  return SubvolumeLayout{*inode, *root, *key + *number};
}

std::uint32_t own_namespace(const char* kind) {
  struct stat facts {};
  if (::stat((std::string("/proc/self/ns/") + kind).c_str(), &facts) != 0) return 0;
  return static_cast<std::uint32_t>(facts.st_ino);
}

OwnRoot own_root() {
  struct statx root {};
  if (::statx(AT_FDCWD, "/", 0, STATX_INO | STATX_MNT_ID, &root) != 0 ||
      (root.stx_mask & STATX_MNT_ID) == 0)
    return {};
  return {root.stx_ino, static_cast<std::uint32_t>(root.stx_mnt_id)};
}

}  // namespace guard
