#include "guardd/host/files.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "policy/base/handle.h"

namespace guard {
namespace {

// File systems without owners: chown fails or has no lasting effect. <linux/magic.h> does not have
// exFAT and NTFS.
struct Ownerless {
  std::uint32_t magic;
  std::string_view name;
};
constexpr std::array kOwnerless{Ownerless{MSDOS_SUPER_MAGIC, "vfat"},
                                Ownerless{0x2011bab0, "exfat"}, Ownerless{0x5346544e, "ntfs"},
                                Ownerless{ISOFS_SUPER_MAGIC, "iso9660"}};

bool begins_like_a_script(int path_fd) {
  const auto link = "/proc/thread-self/fd/" + std::to_string(path_fd);
  const Fd fd(::open(link.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  std::array<char, 2> head{};
  return fd && ::read(fd.get(), head.data(), head.size()) == 2 && head == std::array{'#', '!'};
}

}  // namespace

FileType file_type(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return FileType::kDirectory;
    case S_IFLNK:
      return FileType::kSymlink;
    case S_IFIFO:
      return FileType::kFifo;
    case S_IFSOCK:
      return FileType::kSocket;
    case S_IFCHR:
      return FileType::kCharDevice;
    case S_IFBLK:
      return FileType::kBlockDevice;
    default:
      return FileType::kRegular;
  }
}

Result<std::optional<PathFacts>> SystemFiles::look_at(const std::string& path, int flags) const {
  const auto type = mounts_ ? type_that_can_hang(*mounts_, path) : std::nullopt;
  if (type) return Error("its file system, " + *type + ", may never answer", ETIMEDOUT);
  const Fd fd(::open(path.c_str(), O_PATH | O_CLOEXEC | flags));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) return std::optional<PathFacts>();
    return Error::from_errno(errno, "open");
  }
  struct stat facts {};
  if (::fstat(fd.get(), &facts) < 0) return Error::from_errno(errno, "stat");
  PathFacts found;
  found.type = file_type(facts.st_mode);
  found.id = {facts.st_dev, facts.st_ino};
  found.uid = Uid{facts.st_uid};
  found.gid = Gid{facts.st_gid};
  found.mode = Mode{facts.st_mode & 07777U};
  found.links = facts.st_nlink;
  struct statfs system {};
  if (::fstatfs(fd.get(), &system) == 0) {
    const auto magic = static_cast<std::uint32_t>(system.f_type);
    const auto* ownerless =
        std::find_if(kOwnerless.begin(), kOwnerless.end(),
                     [&](const Ownerless& other) { return other.magic == magic; });
    found.can_chown = ownerless == kOwnerless.end();
    if (!found.can_chown) found.filesystem = ownerless->name;
    found.read_only = (static_cast<unsigned long>(system.f_flags) & ST_RDONLY) != 0;
  }
  const bool follow = (flags & O_NOFOLLOW) == 0;
  if (follow && found.type == FileType::kRegular) found.is_script = begins_like_a_script(fd.get());
  return std::optional(std::move(found));
}

Result<std::optional<PathFacts>> SystemFiles::look(const std::string& path) const {
  return look_at(path, O_NOFOLLOW);
}

Result<std::optional<PathFacts>> SystemFiles::look_through(const std::string& path) const {
  return look_at(path, 0);
}

}  // namespace guard
