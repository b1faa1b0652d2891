#include "guardd/ctl/screen/output.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace guard::ctl {

Output::Output() {
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): it cannot fail for SIGPIPE
}

bool Output::put(std::string_view lines) {
  constexpr std::size_t kPiece = std::size_t{64} << 10U;
  waiting_ += lines;
  return waiting_.size() < kPiece || flush();
}

bool Output::flush() {
  std::string_view rest = waiting_;
  while (!rest.empty() && error_ == 0) {
    const auto wrote = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (wrote >= 0)
      rest.remove_prefix(static_cast<std::size_t>(wrote));
    else if (errno != EINTR)
      error_ = errno;
  }
  waiting_.clear();
  return error_ == 0;
}

int Output::error() const {
  return error_ == EPIPE ? 0 : error_;
}

}  // namespace guard::ctl
