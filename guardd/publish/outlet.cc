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
  enum class Method : std::uint8_t { kWrite, kSend };

  DescriptorOutlet(Fd fd, Method method) : fd_(std::move(fd)), method_(method) {}

  int descriptor() const noexcept override { return fd_.get(); }

  ssize_t write(std::string_view text) noexcept override {
    if (method_ == Method::kSend)
      return ::send(fd_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    // poll() guarantees room for this much.
    return ::write(fd_.get(), text.data(), std::min<std::size_t>(text.size(), PIPE_BUF));
  }

 private:
  const Fd fd_;
  const Method method_;
};

}  // namespace

Result<std::unique_ptr<Outlet>> open_outlet(int out) {
  using Method = DescriptorOutlet::Method;
  struct ::stat about {};
  if (::fstat(out, &about) < 0) return Error::from_errno(errno, "stat the output");
  if (S_ISFIFO(about.st_mode) || S_ISCHR(about.st_mode)) {
    // O_NONBLOCK belongs to the open file, which others may share, so open it again.
    const auto link = fmt::format("/proc/self/fd/{}", out);
    Fd own(::open(link.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    if (own)
      return std::unique_ptr<Outlet>(
          std::make_unique<DescriptorOutlet>(std::move(own), Method::kWrite));
    // A pipe or terminal of another user: poll() comes before each write, and each write is small
    // enough for the room that poll() guarantees.
  }
  Fd copy(::fcntl(out, F_DUPFD_CLOEXEC, 3));
  if (!copy) return Error::from_errno(errno, "duplicate the output");
  const auto method = S_ISSOCK(about.st_mode) ? Method::kSend : Method::kWrite;
  return std::unique_ptr<Outlet>(std::make_unique<DescriptorOutlet>(std::move(copy), method));
}

}  // namespace guard
