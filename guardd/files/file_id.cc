#include "guardd/files/file_id.h"

#include <fcntl.h>
#include <sys/statfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "guardd/files/number_at.h"

#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID AT_REMOVEDIR  // same value as the kernel's
#endif

namespace guard {
namespace {

// The handles of btrfs: inode, subvolume, generation.
constexpr std::int32_t kBtrfsType = 0x4d;
constexpr std::size_t kBtrfsHandle = 20;
constexpr std::size_t kSubvolumeAt = sizeof(std::uint64_t);

// btrfs mixes the subvolume into the file system id, and so takes it out again.
std::uint64_t mixed(std::uint64_t filesystem, std::uint64_t subvolume) {
  std::array<std::uint32_t, 2> words{};
  std::memcpy(words.data(), &filesystem, sizeof filesystem);
  words[0] ^= static_cast<std::uint32_t>(subvolume >> 32U);
  words[1] ^= static_cast<std::uint32_t>(subvolume);
  std::memcpy(&filesystem, words.data(), sizeof filesystem);
  return filesystem;
}

}  // namespace

FileId::FileId(std::string_view filesystem, std::int32_t type, std::string_view handle,
               std::optional<std::uint64_t> subvolume)
    : bytes_(filesystem) {
  bytes_.append(reinterpret_cast<const char*>(&type), sizeof type);
  bytes_.append(handle);
  const auto own = this->subvolume();
  if (!own) return;
  const auto whole = mixed(number_at<std::uint64_t>(bytes_, 0), subvolume.value_or(*own));
  std::memcpy(bytes_.data(), &whole, sizeof whole);
}

std::int32_t FileId::type() const {
  return bytes_.size() < kHead ? 0 : number_at<std::int32_t>(bytes_, kFilesystem);
}

std::string_view FileId::handle() const {
  return std::string_view(bytes_).substr(std::min(kHead, bytes_.size()));
}

std::optional<std::uint64_t> FileId::subvolume() const {
  if (type() != kBtrfsType || handle().size() != kBtrfsHandle) return std::nullopt;
  return number_at<std::uint64_t>(handle(), kSubvolumeAt);
}

std::uint64_t FileId::volume() const {
  if (bytes_.size() < kFilesystem) return 0;
  return mixed(number_at<std::uint64_t>(bytes_, 0), subvolume().value_or(0));
}

FileId FileId::without_subvolume() const {
  auto id = *this;
  if (subvolume()) std::memset(id.bytes_.data() + kHead + kSubvolumeAt, 0, sizeof(std::uint64_t));
  return id;
}

bool FileId::is_like(const FileId& other) const {
  if (*this == other) return true;
  if (subvolume().value_or(0) != 0 && other.subvolume().value_or(0) != 0) return false;
  return without_subvolume() == other.without_subvolume();
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
  std::uint64_t volume = 0;
  static_assert(sizeof volume == sizeof system.f_fsid);
  std::memcpy(&volume, &system.f_fsid, sizeof volume);
  // Another subvolume of the same file system will do.
  if (volume != id.volume()) {
    GUARD_TRY(const auto here, FileId::of(filesystem));
    if (!id.subvolume() || here.filesystem() != id.filesystem())
      return Error::from_errno(EXDEV, "another file system");
  }
  const auto handle = id.handle();
  alignas(::file_handle) std::array<char, sizeof(::file_handle) + MAX_HANDLE_SZ> room{};
  if (handle.empty() || handle.size() > MAX_HANDLE_SZ)
    return Error::from_errno(EINVAL, "not a file handle");
  auto& wanted = *reinterpret_cast<::file_handle*>(room.data());
  wanted.handle_type = id.type();
  wanted.handle_bytes = static_cast<unsigned>(handle.size());
  std::memcpy(room.data() + sizeof wanted, handle.data(), handle.size());
  Fd fd(::open_by_handle_at(filesystem, &wanted, flags | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, "open by handle");
  return fd;
}

}  // namespace guard
