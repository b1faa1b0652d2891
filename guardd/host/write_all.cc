#include "guardd/host/write_all.h"

#include <unistd.h>

#include <cerrno>

namespace guard {

Status write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto wrote = ::write(fd, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return Error::from_errno(errno, "cannot write");
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

}  // namespace guard
