#include "guardd/publish/journal_socket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace guard {
namespace {

// Sealed, so that it cannot change while the journal reads it.
Fd sealed_memory(std::string_view text) {
  Fd memory(::memfd_create("guardd-journal", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  while (memory && !text.empty()) {
    const auto wrote = ::write(memory.get(), text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return Fd();
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  constexpr int kAll = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (!memory || ::fcntl(memory.get(), F_ADD_SEALS, kAll) < 0) return Fd();
  return memory;
}

bool send_memory(const Fd& socket, const Fd& memory) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};  // NOLINT: for CMSG_FIRSTHDR
  msghdr message{};
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  auto* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = memory.get();
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  return ::sendmsg(socket.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

bool has_gone(int error) {
  return error == ECONNREFUSED || error == ECONNRESET || error == ENOTCONN || error == EPIPE;
}

}  // namespace

bool JournalSocket::connect() noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return false;
  }
  path_.copy(static_cast<char*>(address.sun_path), path_.size());
  Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return false;
  const auto* const where = reinterpret_cast<const sockaddr*>(&address);  // NOLINT: the socket API
  if (::connect(socket.get(), where, sizeof address) < 0) return false;
  socket_ = std::move(socket);
  return true;
}

bool JournalSocket::send(std::string_view datagram) noexcept {
  if (::send(socket_.get(), datagram.data(), datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
    return true;
  if (errno != EMSGSIZE) return false;
  // A lack of memory can pass: the queue tries again.
  const auto memory = sealed_memory(datagram);
  if (memory) return send_memory(socket_, memory);
  if (errno == EPERM || errno == ENOSYS || errno == EINVAL) errno = EMSGSIZE;
  return false;
}

ssize_t JournalSocket::write(std::string_view datagram) noexcept {
  if (!socket_ && !connect()) return -1;
  bool sent = send(datagram);
  if (!sent && has_gone(errno)) {
    // A restarted journal has a new socket.
    socket_.reset();
    if (!connect()) return -1;
    sent = send(datagram);
  }
  return sent ? static_cast<ssize_t>(datagram.size()) : -1;
}

bool is_the_journal(int fd) {
  const char* const stream = ::secure_getenv("JOURNAL_STREAM");
  struct ::stat about {};
  if (!stream || ::fstat(fd, &about) < 0) return false;
  return stream == fmt::format("{}:{}", about.st_dev, about.st_ino);
}

}  // namespace guard
