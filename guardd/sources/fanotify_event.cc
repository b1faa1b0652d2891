#include "guardd/sources/fanotify_event.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#ifndef FAN_EVENT_INFO_TYPE_OLD_DFID_NAME
#define FAN_EVENT_INFO_TYPE_OLD_DFID_NAME 10
#define FAN_EVENT_INFO_TYPE_NEW_DFID_NAME 12
#endif

namespace guard {
namespace {

// fanotify_event_info_fid with its file_handle, as they lie in the buffer.
struct Info {
  std::uint8_t type;
  std::uint8_t pad;
  std::uint16_t length;
  std::array<char, 8> filesystem;
  std::uint32_t handle_bytes;
  std::int32_t handle_type;
};
std::string_view name_behind(const char* handle_end, const char* end) {
  return {handle_end, ::strnlen(handle_end, static_cast<std::size_t>(end - handle_end))};
}

static_assert(sizeof(Info) == sizeof(fanotify_event_info_fid) + sizeof(::file_handle));

}  // namespace

bool PidCheck::is_same_process() const {
  if (is_gone_) return false;
  // A process that has ended but was not waited for yet still has its pid.
  return process_ < 0 || ::syscall(SYS_pidfd_send_signal, process_, 0, nullptr, 0) == 0 ||
         errno != ESRCH;
}

// The kernel aligns nothing, so everything is copied out.
FanotifyEvent FanotifyEvent::parse(const fanotify_event_metadata& data, const char* begin,
                                   std::optional<std::uint64_t> subvolume) {
  FanotifyEvent event;
  event.mask = data.mask;
  event.pid = data.pid;
  const auto* end = begin + data.event_len;
  for (const auto* at = begin + data.metadata_len; at < end;) {
    if (static_cast<std::uint8_t>(*at) == FAN_EVENT_INFO_TYPE_PIDFD) {
      fanotify_event_info_pidfd info{};
      if (at + sizeof info > end) break;
      std::memcpy(&info, at, sizeof info);
      if (info.hdr.len < sizeof info) break;
      event.is_gone = info.pidfd == FAN_NOPIDFD;
      event.process = Fd(info.pidfd);
      at += info.hdr.len;
      continue;
    }
    Info info;
    if (at + sizeof info > end) break;
    std::memcpy(&info, at, sizeof info);
    const auto* handle = at + sizeof info;
    if (info.length < sizeof info || at + info.length > end ||
        handle + info.handle_bytes > at + info.length)
      break;
    const FileId id({info.filesystem.data(), info.filesystem.size()}, info.handle_type,
                    {handle, info.handle_bytes}, subvolume);
    if (info.type == FAN_EVENT_INFO_TYPE_OLD_DFID_NAME) {
      event.old_parent = id;
      event.old_name = name_behind(handle + info.handle_bytes, at + info.length);
    } else if (info.type == FAN_EVENT_INFO_TYPE_DFID_NAME ||
               info.type == FAN_EVENT_INFO_TYPE_NEW_DFID_NAME) {
      event.parent = id;
      event.name = name_behind(handle + info.handle_bytes, at + info.length);
    } else if (info.type == FAN_EVENT_INFO_TYPE_FID) {
      event.object = id;
    }
    at += info.length;
  }
  return event;
}

}  // namespace guard
