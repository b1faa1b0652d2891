#include "policy/load/tree_paths.h"

#include <algorithm>
#include <array>
#include <climits>

namespace guard {
namespace {

constexpr std::array<std::string_view, 2> kNoFiles{"/proc", "/sys"};

constexpr std::array<std::string_view, 45> kSystem{"",
                                                   "/bin",
                                                   "/boot",
                                                   "/dev",
                                                   "/etc",
                                                   "/home",
                                                   "/lib",
                                                   "/lib32",
                                                   "/lib64",
                                                   "/libx32",
                                                   "/lost+found",
                                                   "/root",
                                                   "/run",
                                                   "/sbin",
                                                   "/tmp",
                                                   "/usr",
                                                   "/var",
                                                   "/dev/shm",
                                                   "/etc/systemd",
                                                   "/run/lock",
                                                   "/run/systemd",
                                                   "/run/user",
                                                   "/usr/bin",
                                                   "/usr/games",
                                                   "/usr/include",
                                                   "/usr/lib",
                                                   "/usr/lib32",
                                                   "/usr/lib64",
                                                   "/usr/libexec",
                                                   "/usr/libx32",
                                                   "/usr/local",
                                                   "/usr/sbin",
                                                   "/usr/share",
                                                   "/usr/src",
                                                   "/var/cache",
                                                   "/var/lib",
                                                   "/var/local",
                                                   "/var/lock",
                                                   "/var/log",
                                                   "/var/mail",
                                                   "/var/run",
                                                   "/var/spool",
                                                   "/var/tmp",
                                                   "/var/lib/dpkg",
                                                   "/var/lib/systemd"};

constexpr std::array<std::string_view, 4> kShared{"/srv", "/opt", "/mnt", "/media"};

template <std::size_t N>
bool lists(const std::array<std::string_view, N>& paths, std::string_view path) {
  return std::find(paths.begin(), paths.end(), path) != paths.end();
}

}  // namespace

Result<std::string> normal_tree_path(std::string_view path) {
  if (path.empty()) return Error("the path is empty");
  if (path.front() != '/') return Error("the path must be absolute: begin it with '/'");
  if (path.find('\0') != std::string_view::npos)
    return Error("the path cannot contain a NUL character");
  std::string normal;
  while (!path.empty()) {
    const auto begin = std::min(path.find_first_not_of('/'), path.size());
    path.remove_prefix(begin);
    const auto name = path.substr(0, std::min(path.find('/'), path.size()));
    path.remove_prefix(name.size());
    if (name.empty() || name == ".") continue;
    if (name == "..") return Error("the path cannot contain '..'; write the real path");
    if (name.size() > NAME_MAX)
      return Error("a name in the path is longer than 255 bytes, the limit for file names");
    normal += '/';
    normal += name;
  }
  if (normal.size() >= PATH_MAX)
    return Error("the path is longer than 4095 bytes, the limit for paths");
  return normal;
}

TreeDanger danger_of(std::string_view normal_path) {
  for (const auto path : kNoFiles)
    if (is_within(normal_path, path)) return TreeDanger::kNever;
  if (lists(kSystem, normal_path)) return TreeDanger::kSystem;
  if (lists(kShared, normal_path)) return TreeDanger::kShared;
  return TreeDanger::kNone;
}

bool is_within(std::string_view path, std::string_view ancestor) {
  return path.starts_with(ancestor) &&
         (path.size() == ancestor.size() || path[ancestor.size()] == '/');
}

}  // namespace guard
