#include "guardd/who/terminal.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string_view>

#include "guardd/host/open_resolved.h"
#include "guardd/who/proc.h"

namespace guard {
namespace {

// Follows no link, and uses O_PATH, because opening a serial line has side effects.
Fd found_below(const std::string& directory, const std::string& name) {
  const Fd top(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  return open_resolved(top.get(), name.c_str(), O_PATH | O_NOFOLLOW,
                       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

Fd opened_for_a_line(const Fd& found) {
  const auto path = "/proc/self/fd/" + std::to_string(found.get());
  return Fd(::open(path.c_str(), O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
}

bool wants_messages(const struct stat& facts) {
  return (facts.st_mode & S_IWGRP) != 0;  // set by mesg(1)
}

}  // namespace

Fd OwnTerminal::open(Uid person, const std::vector<ProcessName>& processes) const {
  for (const auto& process : processes)
    if (auto terminal = open_of(person, process)) return terminal;
  return {};
}

Fd OwnTerminal::open_of(Uid person, const ProcessName& process) const {
  const Proc proc(places_.processes);
  const auto device = proc.terminal_of(process.pid, process.start);
  if (!device) return {};
  const auto found = found_below(places_.devices, terminal_name(*device, places_.system));
  struct stat facts {};
  if (!found || ::fstat(found.get(), &facts) != 0) return {};
  if (!S_ISCHR(facts.st_mode) || facts.st_uid != person.value || !wants_messages(facts) ||
      facts.st_rdev != ::gnu_dev_makedev(*device >> 20U, *device & 0xfffffU))
    return {};
  if (!is_open_in(process, found)) return {};
  auto terminal = opened_for_a_line(found);
  // Checked again at the end: if it is still its terminal, it was all along.
  return proc.terminal_of(process.pid, process.start) == device ? std::move(terminal) : Fd();
}

bool OwnTerminal::is_open_in(const ProcessName& process, const Fd& terminal) const {
  constexpr std::array kStandard{"0", "1", "2"};
  struct statx wanted {};
  if (::statx(terminal.get(), "", AT_EMPTY_PATH, STATX_INO, &wanted) != 0) return false;
  const auto directory = places_.processes + "/" + std::to_string(process.pid) + "/fd/";
  for (const auto* each : kStandard) {
    struct statx has {};
    // The descriptor may be on a file system that hangs, so only cached attributes are used.
    const int flags = AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT;
    if (::statx(AT_FDCWD, (directory + each).c_str(), flags, STATX_INO, &has) != 0) continue;
    if (has.stx_ino == wanted.stx_ino && has.stx_dev_major == wanted.stx_dev_major &&
        has.stx_dev_minor == wanted.stx_dev_minor)
      return true;
  }
  return false;
}

std::optional<Gid> terminal_group(const std::string& groups) {
  const Handle<std::FILE, std::fclose> file(std::fopen(groups.c_str(), "re"));
  if (!file) return std::nullopt;
  group entry{};
  group* found = nullptr;
  std::array<char, 16384> buffer{};
  while (::fgetgrent_r(file.get(), &entry, buffer.data(), buffer.size(), &found) == 0 && found)
    if (std::string_view(found->gr_name) == "tty") return Gid{found->gr_gid};
  return std::nullopt;
}

// Bypasses the C library, which would change all threads.
void serve_terminals_only(std::optional<Gid> group) {
  if (group) {
    const gid_t only = group->value;
    (void)::syscall(SYS_setgroups, 1, &only);  // if this fails, the service manager has done it
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> has{};
  if (::syscall(SYS_capget, &header, has.data()) != 0) return;
  // To inspect the descriptors of other users' processes.
  constexpr std::uint32_t kNeeded = 1U << CAP_SYS_PTRACE | 1U << CAP_DAC_READ_SEARCH;
  has[0] = {has[0].permitted & kNeeded, has[0].permitted & kNeeded, 0};
  has[1] = {};
  (void)::syscall(SYS_capset, &header, has.data());
}

}  // namespace guard
