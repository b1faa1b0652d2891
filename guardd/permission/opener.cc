#include "guardd/permission/opener.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>

#include "guardd/who/proc.h"

namespace guard {
namespace {

// Of Linux 6.13, and not in the headers of Debian 12. Later versions only add fields.
struct ProcessInfo {
  std::uint64_t mask;
  std::uint64_t control_group;
  std::uint32_t pid, tgid, ppid;
  std::uint32_t ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
  std::int32_t exit_code;
};
static_assert(sizeof(ProcessInfo) == 64);
constexpr unsigned long kGetInfo = _IOWR(0xFF, 11, ProcessInfo);
constexpr std::uint64_t kIds = 1U << 0U | 1U << 1U;  // PIDFD_INFO_PID and PIDFD_INFO_CREDS
constexpr unsigned kOfThread = O_EXCL;               // PIDFD_THREAD

std::optional<Opener> info_of(int process) {
  ProcessInfo info{};
  info.mask = kIds;
  if (::ioctl(process, kGetInfo, &info) != 0 || (info.mask & kIds) != kIds) return std::nullopt;
  return Opener{static_cast<std::int32_t>(info.tgid), Uid{info.fsuid}, Gid{info.fsgid}};
}

}  // namespace

std::optional<Opener> opener_from(std::string_view status) {
  const auto ids = ids_in(status);
  if (!ids.group || !ids.fsuid || !ids.fsgid) return std::nullopt;
  return Opener{*ids.group, *ids.fsuid, *ids.fsgid};
}

std::optional<Opener> OpenerTable::find_held(std::int32_t thread) {
  auto& known = entry(thread);
  if (known.thread == thread)
    if (const auto opener = info_of(known.descriptor.get())) return opener;
  known = {thread, Fd(static_cast<int>(::syscall(SYS_pidfd_open, thread, kOfThread))), Fd()};
  if (known.descriptor)
    if (const auto opener = info_of(known.descriptor.get())) return opener;
  if (errno == EINVAL || errno == ENOTTY) is_unsupported_ = true;
  known = {};
  return std::nullopt;
}

ThreadCall OpenerTable::call(std::int32_t thread) {
  auto& known = entry(thread);
  if (known.thread != thread) known = {thread, Fd(), Fd()};
  // It may belong to an earlier thread of the same number.
  if (known.syscall) {
    const auto call = open_call_of_thread(known.syscall);
    if (call.is_pending || call.call != OpenCall()) return call;
  }
  known.syscall = open_syscall_of(thread);
  return open_call_of_thread(known.syscall);
}

std::optional<Opener> OpenerTable::find(std::int32_t thread) {
  if (thread <= 0) return std::nullopt;
  if (!is_unsupported_)
    if (const auto opener = find_held(thread)) return opener;
  const auto path = "/proc/" + std::to_string(thread) + "/status";
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 1024> text{};  // the ids come first
  const auto size = file ? ::read(file.get(), text.data(), text.size()) : -1;
  if (size <= 0) return std::nullopt;
  return opener_from({text.data(), static_cast<std::size_t>(size)});
}

}  // namespace guard
