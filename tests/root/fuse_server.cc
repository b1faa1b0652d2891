#include "tests/root/fuse_server.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <utility>
#include <vector>

namespace guard::test {
namespace {

constexpr std::uint64_t kFile = 2;
constexpr std::uint64_t kLink = 3;

fuse_attr attributes_of(std::uint64_t node, const std::string& content, const std::string& target) {
  fuse_attr attributes{};
  attributes.ino = node;
  attributes.nlink = 1;
  attributes.blksize = 4096;
  attributes.mode = node == kFile   ? S_IFREG | 0777U
                    : node == kLink ? S_IFLNK | 0777U
                                    : S_IFDIR | 0755U;
  attributes.size = node == kFile ? content.size() : node == kLink ? target.size() : 0;
  return attributes;
}

}  // namespace

struct FuseServer::Shared {
  std::atomic<std::uint32_t> to_ignore{0};
  std::atomic<std::uint32_t> ignored{0};
};

namespace {

class Server {
 public:
  Server(int device, std::atomic<std::uint32_t>& to_ignore, std::atomic<std::uint32_t>& ignored,
         const std::string& content, const std::string& target)
      : device_(device),
        to_ignore_(to_ignore),
        ignored_(ignored),
        content_(content),
        target_(target) {}

  [[noreturn]] void run() {
    std::vector<char> buffer(1U << 20U);
    for (;;) {
      const auto size = ::read(device_, buffer.data(), buffer.size());
      if (size < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT)) continue;
      if (size < 0) ::_exit(0);  // the connection has ended
      fuse_in_header head{};
      std::memcpy(&head, buffer.data(), sizeof head);
      answer(head, buffer.data() + sizeof head);
    }
  }

 private:
  bool is_ignored(FuseServer::Request request) {
    if ((to_ignore_ & static_cast<std::uint32_t>(request)) == 0) return false;
    ++ignored_;
    return true;
  }

  void send(std::uint64_t unique, int error, const void* data, std::size_t size) const {
    fuse_out_header head{};
    head.len = static_cast<std::uint32_t>(sizeof head + size);
    head.error = error;
    head.unique = unique;
    const std::array<iovec, 2> parts{
        {{&head, sizeof head}, {const_cast<void*>(data), size}}};  // NOLINT
    (void)!::writev(device_, parts.data(), size == 0 ? 1 : 2);
  }

  template <typename Out>
  void send(std::uint64_t unique, const Out& out) const {
    send(unique, 0, &out, sizeof out);
  }

  void evict() const {
    struct {
      fuse_out_header head;
      fuse_notify_inval_inode_out node;
    } message{};
    message.head.len = sizeof message;
    message.head.error = FUSE_NOTIFY_INVAL_INODE;
    message.node.ino = kFile;
    (void)!::write(device_, &message, sizeof message);
  }

  void answer(const fuse_in_header& head, const char* in) {
    switch (head.opcode) {
      case FUSE_INIT: {
        fuse_init_out out{};
        out.major = FUSE_KERNEL_VERSION;
        out.minor = FUSE_KERNEL_MINOR_VERSION;
        out.max_readahead = 4096;
        out.max_write = 65536;
        out.max_background = 16;
        out.congestion_threshold = 12;
        return send(head.unique, out);
      }
      case FUSE_LOOKUP: {
        if (is_ignored(FuseServer::Request::kLookup)) return;
        fuse_entry_out out{};
        out.nodeid = std::string(in) == "file" ? kFile : std::string(in) == "link" ? kLink : 0;
        if (out.nodeid == 0) return send(head.unique, -ENOENT, nullptr, 0);
        out.attr = attributes_of(out.nodeid, content_, target_);
        return send(head.unique, out);
      }
      case FUSE_GETATTR: {
        if (is_ignored(FuseServer::Request::kAttributes)) return;
        fuse_attr_out out{};
        out.attr = attributes_of(head.nodeid, content_, target_);
        return send(head.unique, out);
      }
      case FUSE_OPEN: {
        if (is_ignored(FuseServer::Request::kOpen)) return;
        fuse_open_in asked{};
        std::memcpy(&asked, in, sizeof asked);
        fuse_open_out out{};
        out.open_flags = (asked.flags & O_ACCMODE) == O_RDWR ? FOPEN_DIRECT_IO : FOPEN_KEEP_CACHE;
        return send(head.unique, out);
      }
      case FUSE_OPENDIR:
        return send(head.unique, fuse_open_out{});
      case FUSE_READ: {
        if (is_ignored(FuseServer::Request::kRead)) return;
        fuse_read_in asked{};
        std::memcpy(&asked, in, sizeof asked);
        const auto at = std::min<std::size_t>(asked.offset, content_.size());
        const auto size = std::min<std::size_t>(asked.size, content_.size() - at);
        return send(head.unique, 0, content_.data() + at, size);
      }
      case FUSE_READLINK:
        to_ignore_ |= static_cast<std::uint32_t>(FuseServer::Request::kRead);
        evict();
        return send(head.unique, 0, target_.data(), target_.size());
      case FUSE_FORGET:
      case FUSE_BATCH_FORGET:
      case FUSE_INTERRUPT:
        return;
      case FUSE_FLUSH:
      case FUSE_RELEASE:
      case FUSE_RELEASEDIR:
      case FUSE_ACCESS:
        return send(head.unique, 0, nullptr, 0);
      default:
        return send(head.unique, -ENOSYS, nullptr, 0);
    }
  }

  int device_;
  std::atomic<std::uint32_t>& to_ignore_;
  std::atomic<std::uint32_t>& ignored_;
  const std::string& content_;
  const std::string& target_;
};

}  // namespace

FuseServer::FuseServer(std::filesystem::path where, const std::string& content,
                       const std::string& target)
    : where_(std::move(where)) {
  std::filesystem::create_directories(where_);
  void* memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  shared_ = new (memory) Shared;
  device_ = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (device_ < 0) return;
  const auto options =
      "fd=" + std::to_string(device_) + ",rootmode=40000,user_id=0,group_id=0,allow_other";
  if (::mount("test", where_.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    ::close(std::exchange(device_, -1));
    return;
  }
  server_ = ::fork();
  if (server_ == 0) Server(device_, shared_->to_ignore, shared_->ignored, content, target).run();
}

// A process that waits for the file system holds it busy, so first the connection is aborted.
FuseServer::~FuseServer() {
  if (device_ >= 0) {
    (void)::umount2(where_.c_str(), MNT_FORCE);  // aborts the connection, and may find it busy
    ::close(device_);
  }
  if (server_ > 0) {
    (void)::kill(server_, SIGKILL);  // closes the other descriptor: that aborts it in any case
    (void)::waitpid(server_, nullptr, 0);
  }
  (void)::umount2(where_.c_str(), MNT_DETACH);
  if (shared_) (void)::munmap(shared_, sizeof(Shared));
}

void FuseServer::ignore(Request request) {
  shared_->to_ignore |= static_cast<std::uint32_t>(request);
}

unsigned FuseServer::ignored() const {
  return shared_->ignored;
}

}  // namespace guard::test
