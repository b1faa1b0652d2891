#include "guardd/sources/mounts.h"

#include <fcntl.h>
#include <sys/fanotify.h>

#include <array>
#include <charconv>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
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

// The kernel writes space, tab, newline and backslash as three octal digits.
std::string unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(&text[i + 1], &text[i + 1] + 3, value, 8).ptr == &text[i + 1] + 3) {
      out += static_cast<char>(value);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

MountTable current() {
  std::ifstream file("/proc/self/mountinfo");
  std::ostringstream text;
  text << file.rdbuf();
  return read_mounts(text.str());
}

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

// "36 35 98:0 / /mnt rw,noatime master:1 - ext4 /dev/root rw"
MountTable read_mounts(std::string_view mountinfo) {
  MountTable table;
  while (!mountinfo.empty()) {
    const auto line = mountinfo.substr(0, mountinfo.find('\n'));
    mountinfo.remove_prefix(std::min(line.size() + 1, mountinfo.size()));
    std::istringstream words{std::string(line)};
    std::uint64_t number = 0;
    std::string skipped;
    Mount mount;
    if (!(words >> number >> skipped >> skipped >> skipped >> mount.point)) continue;
    while (words >> skipped && skipped != "-") continue;
    if (!(words >> mount.type >> mount.source)) continue;
    mount.point = unescaped(mount.point);
    mount.source = unescaped(mount.source);
    table.emplace(number, std::move(mount));
  }
  return table;
}

Mounts::Mounts() : group_(open_group()), known_(current()) {}

MountNews Mounts::news() {
  MountNews news;
  auto now = current();
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
