#include "guardd/files/listing.h"

#include <dirent.h>
#include <fcntl.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

namespace guard {

Result<Fd> open_directory(const Object& object) {
  Fd fd(::openat(object.fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return Error::from_errno(errno, "open directory");
  return fd;
}

Result<std::vector<DirectoryEntry>> list(const Object& directory, bool identify) {
  Fd fd(::openat(directory.fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOATIME));
  if (!fd) return Error::from_errno(errno, "open directory");
  const std::unique_ptr<DIR, Releaser<::closedir>> listing(::fdopendir(fd.get()));
  if (!listing) return Error::from_errno(errno, "list directory");
  (void)fd.release();  // the listing closes it
  std::vector<DirectoryEntry> entries;
  errno = 0;
  while (const auto* each =
             ::readdir(listing.get())) {  // NOLINT(concurrency-mt-unsafe): not shared
    const std::string_view name = each->d_name;
    if (name != "." && name != "..") {
      DirectoryEntry entry{std::string(name), {}, each->d_type == DT_DIR};
      if (identify || each->d_type == DT_UNKNOWN) {
        if (const auto object = open_object(directory, name)) {
          entry.is_directory = object->state.type == FileType::kDirectory;
          if (auto id = FileId::of(object->fd.get())) entry.id = *std::move(id);
        }
      }
      entries.push_back(std::move(entry));
    }
    errno = 0;
  }
  if (errno != 0) return Error::from_errno(errno, "list directory");
  return entries;
}

}  // namespace guard
