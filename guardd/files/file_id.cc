#include "guardd/files/file_id.h"

#include <fcntl.h>
#include <sys/statfs.h>

#include <array>
#include <cerrno>
#include <cstring>

#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID AT_REMOVEDIR  // same value as the kernel's
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
  // Some file systems, such as overlayfs, have handles that identify a file but cannot open it.
  // That is enough here. Linux 6.5.
  if (::name_to_handle_at(fd, "", &handle, &mount, AT_EMPTY_PATH) < 0 &&
      (errno != EOPNOTSUPP ||
       ::name_to_handle_at(fd, "", &handle, &mount, AT_EMPTY_PATH | AT_HANDLE_FID) < 0)) {
    return Error::from_errno(errno, "its file system has no file handles");
  }
  return FileId({reinterpret_cast<const char*>(&system.f_fsid), sizeof system.f_fsid},
                handle.handle_type, {room.data() + sizeof handle, handle.handle_bytes});
}

Result<Fd> open_by_id(int filesystem, const FileId& id, int flags) {
  struct statfs system {};
  if (::fstatfs(filesystem, &system) < 0) return Error::from_errno(errno, "statfs");
  const std::string_view bytes = id.bytes();
  const std::string_view here(reinterpret_cast<const char*>(&system.f_fsid), sizeof system.f_fsid);
  if (!bytes.starts_with(here)) return Error::from_errno(EXDEV, "another file system");
  std::int32_t type = 0;
  if (bytes.size() < here.size() + sizeof type)
    return Error::from_errno(EINVAL, "not a file handle");
  std::memcpy(&type, bytes.data() + here.size(), sizeof type);
  const auto handle = bytes.substr(here.size() + sizeof type);
  alignas(::file_handle) std::array<char, sizeof(::file_handle) + MAX_HANDLE_SZ> room{};
  if (handle.size() > MAX_HANDLE_SZ) return Error::from_errno(EINVAL, "not a file handle");
  auto& wanted = *reinterpret_cast<::file_handle*>(room.data());
  wanted.handle_type = type;
  wanted.handle_bytes = static_cast<unsigned>(handle.size());
  std::memcpy(room.data() + sizeof wanted, handle.data(), handle.size());
  Fd fd(::open_by_handle_at(filesystem, &wanted, flags | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, "open by handle");
  return fd;
}

}  // namespace guard
