#include "guardd/publish/outlet.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <utility>

#include "policy/base/handle.h"

namespace guard {
namespace {

class DescriptorOutlet final : public Outlet {
 public:
  enum class Way : std::uint8_t { kWrite, kSend };

  DescriptorOutlet(Fd fd, Way way) : fd_(std::move(fd)), way_(way) {}

  int descriptor() const noexcept override { return fd_.get(); }

  ssize_t write(std::string_view text) noexcept override {
    if (way_ == Way::kSend)
      return ::send(fd_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    // What poll() promises is room for this much.
    return ::write(fd_.get(), text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
  }

 private:
  const Fd fd_;
  const Way way_;
};

}  // namespace

Result<std::unique_ptr<Outlet>> open_outlet(int out) {
  using Way = DescriptorOutlet::Way;
  struct ::stat about {};
  if (::fstat(out, &about) < 0) return Error::from_errno(errno, "stat the output");
  if (S_ISFIFO(about.st_mode) || S_ISCHR(about.st_mode)) {
    // Not to wait is a property of the open file, which others share: so one of our own.
    const auto link = fmt::format("/proc/self/fd/{}", out);
    Fd own(::open(link.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    if (own)
      return std::unique_ptr<Outlet>(
          std::make_unique<DescriptorOutlet>(std::move(own), Way::kWrite));
    // Somebody else's pipe or terminal: then poll() asks first, and each write is small enough to
    // fit where poll() saw room.
  }
  Fd copy(::fcntl(out, F_DUPFD_CLOEXEC, 3));
  if (!copy) return Error::from_errno(errno, "duplicate the output");
  const auto way = S_ISSOCK(about.st_mode) ? Way::kSend : Way::kWrite;
  return std::unique_ptr<Outlet>(std::make_unique<DescriptorOutlet>(std::move(copy), way));
}

}  // namespace guard
