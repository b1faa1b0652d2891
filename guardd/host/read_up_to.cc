#include "guardd/host/read_up_to.h"

#include <unistd.h>

#include <array>
#include <cerrno>

namespace guard {

bool read_up_to(std::size_t most, int fd, std::string& text) {
  std::array<char, 16384> piece{};
  while (text.size() < most) {
    const auto got = ::read(fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) break;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  return true;
}

}  // namespace guard
