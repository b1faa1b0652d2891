// A path in /proc to the inode of an O_PATH descriptor, for system calls that take only a path. It
// stays valid whatever happens to the names of the inode.
#pragma once

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "guardd/files/object.h"

namespace guard {

class ProcPath {
 public:
  // `own_descriptors`: /proc/thread-self/fd, held open; -1: use the full path.
  explicit ProcPath(const Object& object, int own_descriptors = -1)
      : at_(own_descriptors >= 0 ? own_descriptors : AT_FDCWD) {
    constexpr std::string_view kDirectory = "/proc/thread-self/fd/";
    auto* to = text_.data();
    if (own_descriptors < 0) to = std::copy(kDirectory.begin(), kDirectory.end(), to);
    *std::to_chars(to, text_.data() + text_.size() - 1, object.fd.get()).ptr = '\0';
  }
  int at() const { return at_; }
  const char* text() const { return text_.data(); }

 private:
  int at_;
  std::array<char, 32> text_;
};

}  // namespace guard
