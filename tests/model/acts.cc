#include "tests/model/acts.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace guard::test {
namespace {

using Words = std::vector<std::string>;

int error_of(int result) {
  return result < 0 ? errno : 0;
}

int create(const std::string& path, mode_t mode) {
  const Fd file = open_now(path, O_CREAT | O_EXCL | O_WRONLY, mode);
  if (!file) return errno;
  return error_of(static_cast<int>(::write(file.get(), "own\n", 4)));
}

int append(const std::string& path) {
  const Fd file = open_now(path, O_WRONLY | O_APPEND);
  if (!file) return errno;
  return error_of(static_cast<int>(::write(file.get(), "more\n", 5)));
}

int link_tmpfile(const std::string& path, mode_t mode) {
  const Fd file = open_now(directory_of(path), O_TMPFILE | O_WRONLY, mode);
  if (!file) return errno;
  const auto name = "/proc/self/fd/" + std::to_string(file.get());
  return error_of(::linkat(AT_FDCWD, name.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW));
}

int remove_object(const std::string& path) {
  if (::unlink(path.c_str()) == 0) return 0;
  return error_of(::rmdir(path.c_str()));
}

int rename(const std::string& from, const std::string& to, unsigned flags) {
  return error_of(::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags));
}

// Changes nothing that can be seen, but the kernel reports changed attributes.
int touch(const std::string& path) {
  return error_of(::utimensat(AT_FDCWD, path.c_str(), nullptr, AT_SYMLINK_NOFOLLOW));
}

// Creates many files and removes them again.
int burst(const std::string& directory, unsigned count) {
  const auto name = [&](unsigned i) {
    return directory + "/burst." + std::to_string(::getpid()) + "." + std::to_string(i);
  };
  for (unsigned i = 0; i < count; ++i)
    if (::mknod(name(i).c_str(), S_IFREG | 0644, 0) != 0) return errno;
  for (unsigned i = 0; i < count; ++i) (void)::unlink(name(i).c_str());
  return 0;
}

int make_many(const std::string& directory, unsigned count) {
  constexpr unsigned kInOne = 1000;
  for (unsigned i = 0; i < count; ++i) {
    const auto holder = directory + "/" + std::to_string(i / kInOne);
    if (i % kInOne == 0) (void)::mkdir(holder.c_str(), 0755);
    if (::mkdir((holder + "/" + std::to_string(i % kInOne)).c_str(), 0755) != 0) return errno;
  }
  return 0;
}

int make_deep(std::string directory, unsigned depth) {
  for (unsigned i = 0; i < depth; ++i) {
    directory += "/d";
    if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) return errno;
  }
  return 0;
}

void visit_in(int directory, const std::string& path, const Visit& visit) {
  const Handle<DIR, ::closedir> listing(::fdopendir(directory));
  if (!listing) return (void)::close(directory);
  const int here = ::dirfd(listing.get());
  while (const auto* each = ::readdir(listing.get())) {  // NOLINT(concurrency-mt-unsafe)
    const std::string name = each->d_name;
    if (name == "." || name == ".." || each->d_type == DT_LNK) continue;
    Fd opened(::openat(here, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat facts {};
    if (!opened || ::fstat(opened.get(), &facts) != 0) continue;
    if (S_ISDIR(facts.st_mode)) {
      visit_in(opened.release(), path + "/" + name, visit);
    } else if (S_ISREG(facts.st_mode) && facts.st_size != 0) {
      visit(path + "/" + name, opened.get());
    }
  }
}

}  // namespace

Fd open_now(const std::string& path, int flags, mode_t mode) {
  return Fd(::open(path.c_str(), flags | O_NONBLOCK | O_CLOEXEC, mode));
}

unsigned number(const std::string& word) {
  return static_cast<unsigned>(std::stoul(word));
}

mode_t mode_number(const std::string& word) {
  return static_cast<mode_t>(std::stoul(word, nullptr, 8));
}

std::string directory_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::string leaf_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

std::string secret_text(int file) {
  std::array<char, 32> text{};
  const auto length = ::pread(file, text.data(), text.size(), 0);
  std::string_view read(text.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  if (!read.starts_with(kSecret)) return "";
  return std::string(read.substr(0, read.find('\n')));
}

void visit_files(const std::string& path, const Visit& visit) {
  Fd opened = open_now(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (opened) return visit_in(opened.release(), path, visit);
  opened = open_now(path, O_RDONLY | O_NOFOLLOW);
  if (opened) visit(path, opened.get());
}

int set_access_list(const std::string& path, const char* attribute) {
  struct Entry {
    std::uint16_t tag;
    std::uint16_t permissions;
    std::uint32_t id;
  };
  constexpr std::uint32_t kNone = UINT32_MAX;
  const struct {
    std::uint32_t version = 2;
    std::array<Entry, 6> entries{{{0x01, 7, kNone},
                                  {0x02, 7, kService},
                                  {0x02, 7, kOtherUser},
                                  {0x04, 0, kNone},
                                  {0x10, 7, kNone},
                                  {0x20, 0, kNone}}};
  } list;
  return error_of(::setxattr(path.c_str(), attribute, &list, sizeof list, 0));
}

int common_act(const Words& words) {
  const auto& operation = words.at(0);
  const auto& path = words.at(1);
  const auto mode = [&](mode_t usual) { return words.size() > 2 ? mode_number(words[2]) : usual; };
  if (operation == "create") return create(path, mode(0644));
  if (operation == "write") return append(path);
  if (operation == "touch") return touch(path);
  if (operation == "mkdir") return error_of(::mkdir(path.c_str(), mode(0755)));
  if (operation == "fifo") return error_of(::mkfifo(path.c_str(), 0600));
  if (operation == "unlink") return remove_object(path);
  if (operation == "chmod") return error_of(::chmod(path.c_str(), mode(0600)));
  if (operation == "tmpfile") return link_tmpfile(path, mode(0644));
  if (operation == "acl") return set_access_list(path, "system.posix_acl_access");
  if (operation == "default-acl") return set_access_list(path, "system.posix_acl_default");
  if (words.size() < 3) return ENOSYS;
  if (operation == "rename") return rename(path, words[2], 0);
  if (operation == "exchange") return rename(path, words[2], RENAME_EXCHANGE);
  if (operation == "symlink") return error_of(::symlink(path.c_str(), words[2].c_str()));
  if (operation == "link") return error_of(::link(path.c_str(), words[2].c_str()));
  if (operation == "burst") return burst(path, number(words[2]));
  if (operation == "many") return make_many(path, number(words[2]));
  if (operation == "deep") return make_deep(path, number(words[2]));
  return ENOSYS;
}

}  // namespace guard::test
