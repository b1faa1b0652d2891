#include "guardd/permission/opened_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <climits>
#include <string_view>
#include <utility>

#include "guardd/files/object.h"
#include "guardd/host/clock.h"
#include "guardd/permission/event.h"

namespace guard {
namespace {

// From the kernel's own names, which it marks once a file has none left.
std::string path_of(int file, bool has_name) {
  std::array<char, PATH_MAX> target{};
  const auto link = "/proc/self/fd/" + std::to_string(file);
  const auto size = ::readlink(link.c_str(), target.data(), target.size());
  std::string path(target.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  constexpr std::string_view kDeleted = " (deleted)";
  if (!has_name && path.ends_with(kDeleted)) path.resize(path.size() - kDeleted.size());
  return path;
}

}  // namespace

std::optional<OpenedFile> read_opened_file(int file) {
  struct statx facts {};
  constexpr unsigned kWanted = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
  if (::statx(file, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, kWanted, &facts) != 0)
    return std::nullopt;
  OpenedFile opened;
  opened.id = inode_of(facts);
  opened.state = state_of(facts);
  if ((facts.stx_mask & STATX_MNT_ID) != 0) opened.mount = facts.stx_mnt_id;
  opened.size = facts.stx_size;
  if ((facts.stx_mask & STATX_BTIME) != 0) opened.born = nanoseconds(facts.stx_btime);
  opened.changed = nanoseconds(facts.stx_ctime);
  opened.modified = nanoseconds(facts.stx_mtime);
  opened.now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                   std::chrono::system_clock::now().time_since_epoch())
                   .count();
  return opened;
}

Ownership ownership_of(const ObjectState& state) {
  return {state.uid, state.gid, state.mode};
}

OpenedPlace place_of(const PermissionEvent& event, const OpenedFile& opened) {
  const auto& group = event.group();
  auto path = path_of(event.file(), opened.state.links > 0);
  const auto& set = *group.set();
  const auto* tree = path.starts_with('/') ? set.tree_of(path) : nullptr;
  if (tree && tree->policy == group.policy_number()) {
    return {static_cast<std::uint32_t>(tree - set.trees().data()), true, false,
            std::string(PolicySet::relative(*tree, path))};
  }
  // A mark stays on a directory that is moved out of the tree. Only on guardd's own mounts do paths
  // mean what they say.
  const bool has_left = path.starts_with('/') && opened.mount != 0 && group.is_on(opened.mount);
  const auto of_policy = [&](const Tree& each) { return each.policy == group.policy_number(); };
  const auto first = std::find_if(set.trees().begin(), set.trees().end(), of_policy);
  return {static_cast<std::uint32_t>(first - set.trees().begin()), false, has_left,
          std::move(path)};
}

}  // namespace guard
