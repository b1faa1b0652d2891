#include "bpf/kernel_types.h"

#include <bpf/btf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>

#include "bpf/libbpf_log.h"

namespace guard {

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
