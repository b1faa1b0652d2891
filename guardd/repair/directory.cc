#include "guardd/repair/directory.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "guardd/evidence/access.h"
#include "guardd/host/clock.h"
#include "guardd/host/open_resolved.h"
#include "policy/base/text.h"

namespace guard {
namespace {

constexpr std::uint64_t kStayInside = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

Result<Fd> open_to_read(int from, const char* name, std::uint64_t resolve) {
  auto fd = open_resolved(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_NOCTTY,
                          resolve);
  if (!fd) return Error::from_errno(errno, "open");
  return fd;
}

}  // namespace

Result<std::shared_ptr<Directory>> Directory::look_at(Fd fd, std::string path) {
  std::shared_ptr<Directory> directory(new Directory(std::move(fd), std::move(path)));
  directory->owner_checked_at_ = monotonic_ns();
  struct statx facts {};
  if (::statx(directory->fd_.get(), "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT,
              STATX_BASIC_STATS | STATX_MNT_ID, &facts) < 0) {
    return Error::from_errno(errno, "stat");
  }
  directory->id_ = inode_of(facts);
  directory->mount_ = facts.stx_mnt_id;
  directory->is_mount_point_ = (facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  directory->state_ = state_of(facts);
  directory->is_filled_by_root_ = is_filled_by_root_alone(directory->state_);
  directory->changed_ = nanoseconds(facts.stx_ctime);
  return directory;
}

Result<std::shared_ptr<Directory>> Directory::open(const Object& root,
                                                   std::string_view relative_path) {
  GUARD_TRY(const auto place, open_object(root, relative_path));
  GUARD_TRY(auto fd, open_to_read(place.fd.get(), ".", kStayInside | RESOLVE_BENEATH));
  const auto checked_at = monotonic_ns();
  GUARD_TRY(auto directory, look_at(std::move(fd), std::string(relative_path)));
  if (directory->id_ != place.id || directory->mount_ != root.mount)
    return Error::from_errno(EXDEV, quote(relative_path));
  directory->checked_at_ = checked_at;
  return directory;
}

Result<std::shared_ptr<Directory>> Directory::child(const char* name) const {
  GUARD_TRY(auto fd, open_to_read(fd_.get(), name, kStayInside | RESOLVE_BENEATH));
  GUARD_TRY(auto directory, look_at(std::move(fd), path_of(name)));
  // RESOLVE_NO_XDEV has rejected other mounts; checked again because so much depends on it.
  if (directory->mount_ != mount_) return Error::from_errno(EXDEV, "mount");
  // It is in this directory, so it is in the tree as surely as this directory is.
  directory->checked_at_ = checked_at_.load(std::memory_order_relaxed);
  return directory;
}

// Only leads back to where the walk came from. The result is not yet known to be in the tree.
std::shared_ptr<Directory> Directory::parent(std::string_view path, const InodeId& id) const {
  auto fd = open_to_read(fd_.get(), "..", kStayInside);
  if (!fd) return nullptr;
  auto directory = look_at(*std::move(fd), std::string(path));
  if (!directory || (*directory)->id_ != id || (*directory)->mount_ != mount_) return nullptr;
  return *std::move(directory);
}

bool Directory::is_in_place(const Object& root) const {
  if (has_moved()) return false;
  const auto now = monotonic_ns();
  if (now - checked_at_.load(std::memory_order_relaxed) < kMoment.count()) return true;
  const auto place = open_object(root, path_);
  if (!place || place->id != id_) {
    has_moved_.store(true, std::memory_order_relaxed);
    return false;
  }
  checked_at_.store(now, std::memory_order_relaxed);
  return true;
}

bool Directory::is_filled_by_root() const {
  if (!is_filled_by_root_.load(std::memory_order_relaxed)) return false;
  const auto now = monotonic_ns();
  if (now - owner_checked_at_.load(std::memory_order_relaxed) < kOwnerMoment.count()) return true;
  struct statx facts {};
  if (::statx(fd_.get(), "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &facts) < 0 ||
      !is_filled_by_root_alone(state_of(facts))) {
    is_filled_by_root_.store(false, std::memory_order_relaxed);
    return false;
  }
  owner_checked_at_.store(now, std::memory_order_relaxed);
  return true;
}

std::string Directory::path_of(std::string_view name) const {
  std::string path;
  path.reserve(path_.size() + 1 + name.size());
  path += path_;
  if (!path.empty()) path += '/';
  path += name;
  return path;
}

}  // namespace guard
