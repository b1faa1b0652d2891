// Every way to create a name in a directory, each as one call that returns 0 or the errno. For
// tests that all of them are denied in one directory and permitted in another.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ostream>
#include <string>
#include <vector>

#include "policy/base/handle.h"

namespace guard {

struct Operation {
  const char* name;
  // The name "new" is created in `into`; `source` has a file "file" and a directory "dir".
  int (*run)(int into, int source);
};

inline std::ostream& operator<<(std::ostream& out, const Operation& operation) {
  return out << operation.name;
}

inline int outcome(int result) {
  return result < 0 ? errno : 0;
}

inline int bind_socket(int into, int) {
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (void)std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/new", into);
  const void* untyped = &address;
  return outcome(::bind(socket.get(), static_cast<const sockaddr*>(untyped), sizeof address));
}

inline const std::vector<Operation>& operations() {
  static const std::vector<Operation> all{
      {"create",
       [](int into, int) {
         const Fd file(::openat(into, "new", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
         return outcome(file.get());
       }},
      {"create_for_reading",
       [](int into, int) {
         const Fd file(::openat(into, "new", O_CREAT | O_RDONLY | O_CLOEXEC, 0600));
         return outcome(file.get());
       }},
      {"mkdir", [](int into, int) { return outcome(::mkdirat(into, "new", 0700)); }},
      {"mknod_file",
       [](int into, int) { return outcome(::mknodat(into, "new", S_IFREG | 0600, 0)); }},
      {"mknod_fifo",
       [](int into, int) { return outcome(::mknodat(into, "new", S_IFIFO | 0600, 0)); }},
      {"mknod_socket",
       [](int into, int) { return outcome(::mknodat(into, "new", S_IFSOCK | 0600, 0)); }},
      {"mknod_character",
       [](int into, int) {
         return outcome(::mknodat(into, "new", S_IFCHR | 0600, makedev(1, 3)));
       }},
      {"mknod_block",
       [](int into, int) {
         return outcome(::mknodat(into, "new", S_IFBLK | 0600, makedev(7, 99)));
       }},
      {"bind_socket", bind_socket},
      {"symlink", [](int into, int) { return outcome(::symlinkat("target", into, "new")); }},
      {"link",
       [](int into, int source) { return outcome(::linkat(source, "file", into, "new", 0)); }},
      {"rename_file",
       [](int into, int source) { return outcome(::renameat(source, "file", into, "new")); }},
      {"rename_directory",
       [](int into, int source) { return outcome(::renameat(source, "dir", into, "new")); }},
      {"tmpfile",
       [](int into, int) {
         const Fd file(::openat(into, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
         const auto path = "/proc/self/fd/" + std::to_string(file.get());
         return outcome(::linkat(AT_FDCWD, path.c_str(), into, "new", AT_SYMLINK_FOLLOW));
       }},
  };
  return all;
}

}  // namespace guard
