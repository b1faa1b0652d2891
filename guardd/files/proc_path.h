// The name of an O_PATH descriptor's inode, for a system call that only takes a path. Whatever
// becomes of the names that the inode has: the link in /proc leads to what is held.
#pragma once

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "guardd/files/object.h"

namespace guard {

class NameInProc {
 public:
  // `own_descriptors`: /proc/thread-self/fd, held open; -1: it is found anew.
  explicit NameInProc(const Object& object, int own_descriptors = -1)
      : at_(own_descriptors >= 0 ? own_descriptors : AT_FDCWD) {
    constexpr std::string_view kPlace = "/proc/thread-self/fd/";
    auto* to = text_.data();
    if (own_descriptors < 0) to = std::copy(kPlace.begin(), kPlace.end(), to);
    *std::to_chars(to, text_.data() + text_.size() - 1, object.fd.get()).ptr = '\0';
  }
  int at() const { return at_; }
  const char* text() const { return text_.data(); }

 private:
  int at_;
  std::array<char, 32> text_;
};

}  // namespace guard
