#include "guardd/ctl/machine/machine.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <map>

#include "guardd/ctl/machine/account_files.h"
#include "guardd/ctl/machine/config_lines.h"
#include "guardd/host/files.h"
#include "guardd/host/open_resolved.h"
#include "guardd/host/users.h"
#include "policy/base/text.h"

namespace guard::machine {
namespace {

constexpr std::size_t kLongestText = std::size_t{1} << 20U;

std::string link_of(int descriptor, const char* name) {
  std::array<char, PATH_MAX> target{};
  const auto length = ::readlinkat(descriptor, name, target.data(), target.size());
  return length < 0 ? std::string() : std::string(target.data(), static_cast<std::size_t>(length));
}

std::string path_of(int descriptor) {
  return link_of(AT_FDCWD, ("/proc/self/fd/" + std::to_string(descriptor)).c_str());
}

Fd open_inside(int top, const std::string& path, std::uint64_t flags, std::uint64_t resolve = 0) {
  return open_resolved(top, path.c_str(), static_cast<int>(flags),
                       RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve);
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

std::string real_path_in(int top, const std::string& root, const std::string& path) {
  std::string missing;
  for (std::string there = path;; there = parent_of(there)) {
    if (const auto fd = open_inside(top, there, O_PATH)) {
      auto real = path_of(fd.get());
      if (root != "/" && real.starts_with(root)) real = real.substr(root.size());
      if (real.empty()) real = "/";
      return missing.empty() ? real : (real == "/" ? "" : real) + missing;
    }
    if (there == "/") return path;
    missing.insert(0, there.substr(there.rfind('/')));
  }
}

// The files of a machine in a directory.
class FilesBelow : public Files {
 public:
  FilesBelow(std::string root, int top) : root_(std::move(root)), top_(::dup(top)) {}

  Result<std::optional<PathFacts>> look(const std::string& path) const override {
    if (path == "/") return system_.look(root_);
    const auto above = real_path_in(top_.get(), root_, parent_of(path));
    return system_.look(root_ + (above == "/" ? "" : above) + path.substr(path.rfind('/')));
  }
  Result<std::optional<PathFacts>> look_through(const std::string& path) const override {
    const auto real = real_path_in(top_.get(), root_, path);
    return system_.look(real == "/" ? root_ : root_ + real);
  }

 private:
  SystemFiles system_;
  std::string root_;
  Fd top_;
};

}  // namespace

Machine::Machine(Fd top, std::string root) : top_(std::move(top)), root_(std::move(root)) {
  if (is_running()) {
    users_ = std::make_shared<SystemUsers>();
    files_ = std::make_shared<SystemFiles>();
    return;
  }
  users_ = std::make_shared<AccountFiles>(text("/etc/passwd"), text("/etc/group"));
  files_ = std::make_shared<FilesBelow>(root_, top_.get());
}

Result<Machine> Machine::open(const std::string& root) {
  const std::string path = root.empty() ? "/" : root;
  Fd top(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!top) return Error::from_errno(errno, quote(path));
  auto real = path == "/" ? path : path_of(top.get());
  if (real.empty()) return Error("cannot resolve " + quote(path) + ": /proc is not mounted");
  return Machine(std::move(top), std::move(real));
}

Fd Machine::open_in(const std::string& path, std::uint64_t flags,
                    std::uint64_t more_resolve) const {
  return open_inside(top_.get(), path, flags, more_resolve);
}

Result<std::string> Machine::text(const std::string& path) const {
  const auto fd = open_in(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  struct stat facts {};
  if (!fd || ::fstat(fd.get(), &facts) < 0) return Error::from_errno(errno, quote(path));
  if (!S_ISREG(facts.st_mode)) return Error(quote(path) + " is not a regular file", EINVAL);
  std::string text;
  std::array<char, 16384> piece{};
  for (;;) {
    const auto got = ::read(fd.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error::from_errno(errno, quote(path));
    if (got == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(got));
    if (text.size() > kLongestText) return Error(quote(path) + " is longer than a megabyte", EFBIG);
  }
}

Result<std::vector<std::string>> Machine::lines(const std::string& path) const {
  GUARD_TRY(const auto whole, text(path));
  const auto lines = lines_of(whole);
  return std::vector<std::string>(lines.begin(), lines.end());
}

std::vector<std::string> Machine::names(const std::string& directory) const {
  std::vector<std::string> names;
  auto fd = open_in(directory, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
  if (!fd) return names;
  const Handle<DIR, ::closedir> listing(::fdopendir(fd.get()));
  if (!listing) return names;
  (void)fd.release();
  while (const auto* entry = ::readdir(listing.get())) {  // NOLINT(concurrency-mt-unsafe)
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool Machine::is_there(const std::string& path) const {
  return static_cast<bool>(open_in(path, O_PATH));
}

std::optional<std::string> Machine::link(const std::string& path) const {
  const auto fd = open_in(path, O_PATH | O_NOFOLLOW);
  struct stat facts {};
  if (!fd || ::fstat(fd.get(), &facts) < 0 || !S_ISLNK(facts.st_mode)) return std::nullopt;
  return link_of(fd.get(), "");
}

std::string Machine::real_path(const std::string& path) const {
  return real_path_in(top_.get(), root_, path);
}

Result<Fd> Machine::directory(const std::string& real_path) const {
  auto fd = open_in(real_path, O_RDONLY | O_DIRECTORY | O_NONBLOCK, RESOLVE_NO_SYMLINKS);
  if (!fd) return Error::from_errno(errno, quote(real_path));
  return fd;
}

std::vector<std::string> Machine::merged(const std::vector<std::string>& directories,
                                         const std::string& suffix) const {
  std::map<std::string, std::string> by_name;
  for (const auto& directory : directories)
    for (const auto& name : names(directory))
      if (name.ends_with(suffix))
        by_name.emplace(name, std::string(directory).append("/").append(name));
  std::vector<std::string> paths;
  for (const auto& [name, path] : by_name)
    if (!is_masked(path)) paths.push_back(path);
  return paths;
}

}  // namespace guard::machine
