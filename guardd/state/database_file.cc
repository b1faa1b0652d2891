#include "guardd/state/database_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "policy/base/text.h"

namespace guard {

Result<Fd> open_private_directory(const std::string& directory, int flags) {
  constexpr mode_t kOthersWrite = 022;
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);  // private by the daemon's umask
  if (failed) return Error::from_errno(failed.value(), quote(directory) + " cannot be created");
  Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags));
  if (!fd) return Error::from_errno(errno, quote(directory));
  struct stat facts {};
  if (::fstat(fd.get(), &facts) < 0) return Error::from_errno(errno, quote(directory));
  if (facts.st_uid != ::geteuid() || (facts.st_mode & kOthersWrite) != 0) {
    return Error("users other than root can write " + quote(directory) + "; fix with: chown root " +
                 escaped(directory) + " && chmod go-w " + escaped(directory));
  }
  return fd;
}

Result<std::string> put_aside(const std::string& path, const Error& why,
                              std::string_view consequence) {
  const auto aside = path + ".broken";
  if (::rename(path.c_str(), aside.c_str()) < 0 && errno != ENOENT)
    return Error::from_errno(errno, quote(path) + " is damaged and cannot be renamed");
  for (const char* more : {"-wal", "-shm"}) (void)::unlink((path + more).c_str());
  return quote(path) + " was damaged (" + why.text() + ") and is now " + quote(aside) + "; " +
         std::string(consequence);
}

}  // namespace guard
