#include "guardd/sources/mounts.h"

#include <fcntl.h>
#include <sys/fanotify.h>

#include <array>
#include <cstring>
#include <set>
#include <utility>

// In Linux 6.15, but not in the headers of Debian 12.
#ifndef FAN_REPORT_MNT
#define FAN_REPORT_MNT 0x00004000
#define FAN_MARK_MNTNS 0x00000110
#define FAN_MNT_ATTACH 0x01000000
#define FAN_MNT_DETACH 0x02000000
#endif

namespace guard {
namespace {

Fd open_group() {
  Fd group(::fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_REPORT_MNT,
                           O_RDONLY | O_CLOEXEC));
  const Fd space(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  if (!group || !space ||
      ::fanotify_mark(group.get(), FAN_MARK_ADD | FAN_MARK_MNTNS, FAN_MNT_ATTACH | FAN_MNT_DETACH,
                      space.get(), nullptr) < 0) {
    return {};
  }
  return group;
}

}  // namespace

Mounts::Mounts() : group_(open_group()), known_(current_mounts()) {}

MountNews Mounts::news() {
  MountNews news;
  auto now = current_mounts();
  news.pid = only_process();
  for (const auto& [number, mount] : now) {
    const auto before = known_.find(number);
    if (before == known_.end() || before->second.point != mount.point)
      news.mounted.push_back(mount);
  }
  for (const auto& [number, mount] : known_) {
    const auto after = now.find(number);
    if (after == now.end() || after->second.point != mount.point) news.unmounted.push_back(mount);
  }
  known_ = std::move(now);
  return news;
}

// None if there were several: which of them did what is unknown.
std::optional<std::int32_t> Mounts::only_process() {
  std::set<std::int32_t> pids;
  std::array<char, 4096> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): read() fills it
  for (;;) {
    const auto length = ::read(group_.get(), buffer.data(), buffer.size());
    if (length <= 0) break;
    std::string_view rest(buffer.data(), static_cast<std::size_t>(length));
    while (rest.size() >= sizeof(fanotify_event_metadata)) {
      fanotify_event_metadata data{};
      std::memcpy(&data, rest.data(), sizeof data);
      if (data.event_len < sizeof data || data.event_len > rest.size()) break;
      pids.insert((data.mask & FAN_Q_OVERFLOW) != 0 ? 0 : data.pid);
      rest.remove_prefix(data.event_len);
    }
  }
  if (pids.size() != 1 || *pids.begin() == 0) return std::nullopt;
  return *pids.begin();
}

}  // namespace guard
