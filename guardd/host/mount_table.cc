#include "guardd/host/mount_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <sstream>
#include <utility>

namespace guard {
namespace {

constexpr std::array<std::string_view, 19> kLocal{
    "bcachefs", "btrfs", "erofs",   "exfat", "ext2",     "ext3",  "ext4", "f2fs", "hfsplus", "jfs",
    "nilfs2",   "ntfs3", "overlay", "ramfs", "reiserfs", "tmpfs", "vfat", "xfs",  "zfs"};

// Without what lies there nothing on this machine works.
constexpr std::array<std::string_view, 3> kEssential{"/", "/usr", "/etc"};

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

MountTable current_mounts() {
  std::ifstream file("/proc/self/mountinfo");
  std::ostringstream text;
  text << file.rdbuf();
  return read_mounts(text.str());
}

bool is_local(std::string_view file_system) {
  return std::find(kLocal.begin(), kLocal.end(), file_system) != kLocal.end();
}

// Several mounts can have the same point.
std::optional<std::string> type_that_can_hang(const MountTable& mounts, std::string_view path) {
  std::optional<std::string> type;
  std::size_t longest = 0;
  for (const auto& [number, mount] : mounts) {
    const std::string_view point = mount.point;
    const bool holds = point == "/" || path == point ||
                       (path.starts_with(point) && path.substr(point.size()).starts_with('/'));
    if (!holds || point.size() < longest) continue;
    if (point.size() > longest) type.reset();
    longest = point.size();
    if (is_local(mount.type)) continue;
    if (std::find(kEssential.begin(), kEssential.end(), point) == kEssential.end())
      type = mount.type;
  }
  return type;
}

}  // namespace guard
