#include "guardd/file_id.h"

#include <fcntl.h>
#include <sys/statfs.h>

#include <array>
#include <cerrno>
#include <cstring>

#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID AT_REMOVEDIR  // the kernel's own choice
#endif

namespace guard {

FileId::FileId(std::string_view filesystem, std::int32_t type, std::string_view handle)
    : bytes_(filesystem) {
  bytes_.append(reinterpret_cast<const char*>(&type), sizeof type);
  bytes_.append(handle);
}

Result<FileId> FileId::of(int fd) {
  struct statfs system {};
  if (::fstatfs(fd, &system) < 0) return Error::from_errno(errno, "statfs");
  alignas(::file_handle) std::array<char, sizeof(::file_handle) + MAX_HANDLE_SZ> room{};
  auto& handle = *reinterpret_cast<::file_handle*>(room.data());
  handle.handle_bytes = MAX_HANDLE_SZ;
  int mount = 0;
  // Some file systems (overlayfs for one) can name a file without being able to find it by that:
  // for recognising it this is enough. Linux 6.5.
  if (::name_to_handle_at(fd, "", &handle, &mount, AT_EMPTY_PATH) < 0 &&
      (errno != EOPNOTSUPP ||
       ::name_to_handle_at(fd, "", &handle, &mount, AT_EMPTY_PATH | AT_HANDLE_FID) < 0)) {
    return Error::from_errno(errno, "it has no file handles");
  }
  return FileId({reinterpret_cast<const char*>(&system.f_fsid), sizeof system.f_fsid},
                handle.handle_type, {room.data() + sizeof handle, handle.handle_bytes});
}

}  // namespace guard
