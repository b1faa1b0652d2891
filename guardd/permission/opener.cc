#include "guardd/permission/opener.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string>

namespace guard {
namespace {

// The number in this column, counted from 0, of the line that starts with `begin`.
std::optional<std::uint32_t> number_in(std::string_view status, std::string_view begin,
                                       int column) {
  auto at = status.find(begin);
  if (at == std::string_view::npos) return std::nullopt;
  auto line = status.substr(at + begin.size());
  line = line.substr(0, line.find('\n'));
  for (; column >= 0; --column) {
    if (!line.starts_with('\t')) return std::nullopt;
    line.remove_prefix(1);
    if (column > 0) line.remove_prefix(std::min(line.find('\t'), line.size()));
  }
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

constexpr int kOfFileSystem = 3;  // after real, effective and saved

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

// The kernel escapes the process name, so a process cannot add lines of its own.
std::optional<Opener> opener_from(std::string_view status) {
  const auto group = number_in(status, "\nTgid:", 0);
  const auto uid = number_in(status, "\nUid:", kOfFileSystem);
  const auto gid = number_in(status, "\nGid:", kOfFileSystem);
  if (!group || !uid || !gid) return std::nullopt;
  return Opener{static_cast<std::int32_t>(*group), Uid{*uid}, Gid{*gid}};
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
