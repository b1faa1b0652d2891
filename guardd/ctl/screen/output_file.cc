#include "guardd/ctl/screen/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "guardd/host/write_all.h"
#include "policy/base/handle.h"
#include "policy/base/text.h"

namespace guard::ctl {
namespace {

Result<std::string> temporary_name() {
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number))
    return Error::from_errno(errno, "getrandom");
  return fmt::format(".guardctl-{:016x}", number);
}

Status put(int directory, const std::string& name, std::string_view content) {
  struct stat there {};
  if (::fstatat(directory, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
      !S_ISREG(there.st_mode))
    return Error("it exists and is not a regular file; use - for standard output");
  GUARD_TRY(const auto temporary, temporary_name());
  const Fd file(::openat(directory, temporary.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return Error::from_errno(errno, "cannot create a temporary file");
  auto done = write_all(file.get(), content);
  if (done && ::fsync(file.get()) < 0) done = Error::from_errno(errno, "cannot write");
  if (done && ::renameat(directory, temporary.c_str(), directory, name.c_str()) < 0)
    done = Error::from_errno(errno, "cannot rename the temporary file");
  if (!done) {
    (void)::unlinkat(directory, temporary.c_str(), 0);
    return done;
  }
  (void)::fsync(directory);  // some file systems do not support it
  return {};
}

}  // namespace

Status put_file(const std::string& path, std::string_view content) {
  const auto slash = path.rfind('/');
  const auto name = slash == std::string::npos ? path : path.substr(slash + 1);
  const auto in = slash == std::string::npos ? std::string(".") : path.substr(0, slash + 1);
  if (name.empty()) return Error(quote(path) + " is a directory");
  const Fd directory(::open(in.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return Error::from_errno(errno, quote(in));
  auto done = put(directory.get(), name, content);
  if (!done) return Error(done.error()).context(quote(path));
  return {};
}

}  // namespace guard::ctl
