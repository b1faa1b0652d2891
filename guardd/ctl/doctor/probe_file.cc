#include "guardd/ctl/doctor/probe_file.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "guardd/host/open_resolved.h"
#include "policy/base/text.h"

namespace guard::doctor {
namespace {

constexpr std::uint64_t kNoLinks = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
constexpr std::uint64_t kBeneath = kNoLinks | RESOLVE_BENEATH | RESOLVE_NO_XDEV;

Result<Fd> open_at(int from, const std::string& path, int flags, unsigned mode,
                   std::uint64_t resolve) {
  auto fd = open_resolved(from, path.c_str(), flags, resolve, mode);
  if (!fd) return Error::from_errno(errno, quote(path));
  return fd;
}

}  // namespace

Result<Fd> open_tree(const std::string& path) {
  return open_at(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, kNoLinks);
}

Result<std::string> random_name(const std::string& begin, const std::string& end) {
  std::array<unsigned char, 8> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    return Error::from_errno(errno, "getrandom");
  constexpr std::string_view kDigits = "0123456789abcdef";
  auto name = begin;
  for (const unsigned each : bytes) {
    name += kDigits[each >> 4U];
    name += kDigits[each & 15U];
  }
  return name + end;
}

ProbeFile::ProbeFile(int tree, std::string name, Fd file)
    : tree_(tree), name_(std::move(name)), file_(std::move(file)) {}

ProbeFile::ProbeFile(ProbeFile&& other) noexcept
    : tree_(other.tree_), name_(std::move(other.name_)), file_(std::move(other.file_)) {}

Result<ProbeFile> ProbeFile::create(const Fd& tree, const std::string& name) {
  GUARD_TRY(auto writable,
            open_at(tree.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, kBeneath));
  // Closes the writable descriptor: a watcher of closed writers must not wait for guardctl.
  const auto link = "/proc/self/fd/" + std::to_string(writable.get());
  Fd held(::open(link.c_str(), O_PATH | O_CLOEXEC));
  if (!held) held = std::move(writable);
  return ProbeFile(tree.get(), name, std::move(held));
}

Result<struct stat> ProbeFile::look() const {
  struct stat facts {};
  if (::fstat(file_.get(), &facts) < 0) return Error::from_errno(errno, "stat");
  return facts;
}

Result<bool> ProbeFile::remove() {
  if (!file_) return true;
  GUARD_TRY(const auto own, look());
  struct stat there {};
  if (::fstatat(tree_, name_.c_str(), &there, AT_SYMLINK_NOFOLLOW) < 0) {
    file_.reset();
    if (errno == ENOENT) return own.st_nlink == 0;
    return Error::from_errno(errno, quote(name_));
  }
  if (there.st_dev != own.st_dev || there.st_ino != own.st_ino) {
    file_.reset();
    return false;
  }
  // If the name was taken just now, the owner of the directory did it and could remove that file as
  // well. A directory is never removed.
  const int code = ::unlinkat(tree_, name_.c_str(), 0) == 0 ? 0 : errno;
  file_.reset();
  if (code != 0 && code != ENOENT) return Error::from_errno(code, quote(name_));
  return true;
}

bool is_there(const Fd& tree, const std::string& name) {
  struct stat facts {};
  return ::fstatat(tree.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0;
}

bool clear(const Fd& tree, const std::string& name) {
  struct stat facts {};
  if (::fstatat(tree.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) return errno == ENOENT;
  if (!S_ISREG(facts.st_mode) || facts.st_size != 0 || facts.st_nlink != 1) return false;
  return ::unlinkat(tree.get(), name.c_str(), 0) == 0;
}

}  // namespace guard::doctor
