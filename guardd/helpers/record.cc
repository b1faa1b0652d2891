#include "guardd/helpers/record.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <utility>

namespace guard {
namespace {

struct Head {
  std::uint64_t number = 0;
  std::uint32_t kind = 0;
  std::uint32_t is_last = 0;
};
static_assert(sizeof(Head) == 16);

constexpr std::size_t kMostPacket = sizeof(Head) + kMostContents;

// Room for one descriptor that goes along.
struct Attachment {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};

  void send_with(msghdr& message, int descriptor) {
    receive_with(message);
    auto* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
  }
  void receive_with(msghdr& message) {
    message.msg_control = room.data();
    message.msg_controllen = room.size();
  }
  static Fd received(msghdr& message) {
    const auto* head = CMSG_FIRSTHDR(&message);
    int descriptor = -1;
    if (head && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof descriptor))
      std::memcpy(&descriptor, CMSG_DATA(head), sizeof descriptor);
    return Fd(descriptor);
  }
};

int flags_of(Patience patience) {
  return patience == Patience::kNone ? MSG_DONTWAIT : 0;
}

}  // namespace

Status send_record(int socket, const HelperRecord& record, Patience patience, int descriptor) {
  if (record.contents.size() > kMostContents) return Error("a record is too long");
  Head head{record.number, record.kind, record.is_last ? 1U : 0U};
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): sendmsg() only reads
  auto* contents = const_cast<char*>(record.contents.data());
  std::array<iovec, 2> parts{{{&head, sizeof head}, {contents, record.contents.size()}}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  Attachment attachment;
  if (descriptor >= 0) attachment.send_with(message, descriptor);
  for (;;) {
    if (::sendmsg(socket, &message, MSG_NOSIGNAL | flags_of(patience)) >= 0) return {};
    if (errno != EINTR) return Error::from_errno(errno, "send a record");
  }
}

// The kernel drops descriptors for which there is no room, and says so.
Result<std::optional<HelperRecord>> receive_record(int socket, Patience patience, Fd* descriptor) {
  std::array<char, kMostPacket> packet;  // NOLINT(*-member-init): recvmsg() says how much it fills
  iovec part{packet.data(), packet.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  Attachment attachment;
  if (descriptor) attachment.receive_with(message);
  ssize_t size = 0;
  do {
    size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags_of(patience));
  } while (size < 0 && errno == EINTR);
  if (size < 0 && errno == EAGAIN) return std::optional<HelperRecord>();
  if (size < 0) return Error::from_errno(errno, "receive a record");
  if (descriptor) *descriptor = Attachment::received(message);
  if (size == 0) return Error("the other end is closed");
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return Error("a record is too long");
  auto record = parse_record({packet.data(), static_cast<std::size_t>(size)});
  if (!record) return Error("a packet is not a record");
  return record;
}

std::optional<HelperRecord> parse_record(std::string_view packet) {
  Head head;
  if (packet.size() < sizeof head || packet.size() > kMostPacket) return std::nullopt;
  std::memcpy(&head, packet.data(), sizeof head);
  if (head.is_last > 1) return std::nullopt;
  return HelperRecord{head.number, head.kind, head.is_last == 1,
                      std::string(packet.substr(sizeof head))};
}

}  // namespace guard
