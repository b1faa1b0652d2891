#include "guardd/file_id.h"

#include <fcntl.h>
#include <sys/statfs.h>

#include <array>
#include <cerrno>
#include <cstring>

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
  if (::name_to_handle_at(fd, "", &handle, &mount, AT_EMPTY_PATH) < 0) {
    return Error::from_errno(errno, "name_to_handle_at");
  }
  return FileId({reinterpret_cast<const char*>(&system.f_fsid), sizeof system.f_fsid},
                handle.handle_type, {room.data() + sizeof handle, handle.handle_bytes});
}

}  // namespace guard
