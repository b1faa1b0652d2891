#include "policy/load/policy_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <map>
#include <memory>

#include "policy/base/handle.h"
#include "policy/base/text.h"

namespace guard {
namespace {

constexpr std::size_t kLargestFile = 16U << 20U;
constexpr std::size_t kChunk = 64U << 10U;
constexpr mode_t kWritableByOthers = S_IWGRP | S_IWOTH;

bool is_policy_file_name(std::string_view name) {
  return name.ends_with(".toml") && name.front() != '.' && name.front() != '#' && name != ".toml";
}

// Masked as in systemd: a link to /dev/null, however it is spelled.
bool is_masked(const std::string& path) {
  struct stat link {};
  struct stat target {};
  struct stat null {};
  return ::lstat(path.c_str(), &link) == 0 && S_ISLNK(link.st_mode) &&
         ::stat(path.c_str(), &target) == 0 && ::stat("/dev/null", &null) == 0 &&
         S_ISCHR(target.st_mode) && target.st_rdev == null.st_rdev;
}

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A user who can write the directory can replace this file, unless the sticky bit prevents
// it.
Status check_directory(const std::string& directory, Uid reader) {
  struct stat facts {};
  if (::stat(directory.c_str(), &facts) < 0) return Error::from_errno(errno, quote(directory));
  const bool sticky = (facts.st_mode & S_ISVTX) != 0;
  const bool trusted_owner = facts.st_uid == 0 || facts.st_uid == reader.value;
  if (trusted_owner && ((facts.st_mode & kWritableByOthers) == 0 || sticky)) return {};
  return Error(
      "users other than root can replace it, because they can write its directory; fix with: chown "
      "root " +
      escaped(directory) + " && chmod go-w " + escaped(directory));
}

Status check_directories(const std::string& path, Uid reader) {
  GUARD_CHECK(check_directory(directory_of(path), reader));
  const std::unique_ptr<char, Releaser<std::free>> real(::realpath(path.c_str(), nullptr));
  if (!real) return Error::from_errno(errno, "it cannot be resolved");
  return check_directory(directory_of(real.get()), reader);
}

Result<std::string> read_all(int fd) {
  std::string text;
  for (;;) {
    const auto have = text.size();
    if (have > kLargestFile) return Error("it is larger than 16 MiB; split it");
    text.resize(have + kChunk);
    const auto got = ::read(fd, text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) {
      text.resize(have);
      continue;
    }
    if (got < 0) return Error::from_errno(errno, "it cannot be read");
    text.resize(have + static_cast<std::size_t>(got));
    if (got == 0) return text;
  }
}

}  // namespace

std::vector<std::string> default_policy_directories() {
  return {"/etc/guardd/policies.d", "/run/guardd/policies.d", "/usr/local/lib/guardd/policies.d",
          "/usr/lib/guardd/policies.d"};
}

Result<std::vector<PolicyFile>> find_policy_files(const std::vector<std::string>& directories) {
  std::map<std::string, PolicyFile> by_name;
  for (const auto& directory : directories) {
    const std::unique_ptr<DIR, Releaser<::closedir>> listing(::opendir(directory.c_str()));
    if (!listing) {
      if (errno == ENOENT) continue;
      return Error::from_errno(errno, quote(directory));
    }
    errno = 0;
    while (const auto* entry =
               ::readdir(listing.get())) {  // NOLINT(concurrency-mt-unsafe): our own stream
      const std::string name = entry->d_name;
      if (is_policy_file_name(name)) {
        auto path = directory;
        if (!path.ends_with('/')) path += '/';
        path += name;
        const auto [there, is_new] =
            by_name.try_emplace(name, PolicyFile{path, {}, is_masked(path)});
        if (!is_new) there->second.replaces.push_back(path);
      }
      errno = 0;
    }
    if (errno != 0) return Error::from_errno(errno, quote(directory));
  }
  std::vector<PolicyFile> files;
  files.reserve(by_name.size());
  for (auto& [name, file] : by_name) files.push_back(std::move(file));
  return files;
}

Result<PolicyText> read_policy_file(const std::string& path, Uid reader) {
  // O_NONBLOCK: a FIFO with this name must not block guardd.
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return Error::from_errno(errno, "it cannot be opened");
  struct stat facts {};
  if (::fstat(fd.get(), &facts) < 0) return Error::from_errno(errno, "it cannot be read");
  if (!S_ISREG(facts.st_mode)) return Error("it is not a regular file");

  const std::string repair =
      "; fix with: chown root " + escaped(path) + " && chmod go-w " + escaped(path);
  if ((facts.st_mode & kWritableByOthers) != 0)
    return Error("users other than root can write it" + repair);
  if (facts.st_uid != 0 && facts.st_uid != reader.value) {
    return Error("users other than root can write it: it belongs to uid " +
                 std::to_string(facts.st_uid) + repair);
  }
  GUARD_CHECK(check_directories(path, reader));
  GUARD_TRY(auto text, read_all(fd.get()));
  PolicyText read{std::move(text), {}};
  if (facts.st_uid != 0) read.warning = "guardd will reject this file until root owns it" + repair;
  return read;
}

}  // namespace guard
