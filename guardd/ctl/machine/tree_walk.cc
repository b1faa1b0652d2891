#include "guardd/ctl/machine/tree_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <string_view>

#include "guardd/host/open_resolved.h"
#include "policy/base/text.h"

namespace guard::machine {
namespace {

enum class EntryKind { kOrdinary, kMount, kGone };

EntryKind look(int directory, const char* name, Entry& entry) {
  struct statx facts {};
  if (::statx(directory, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH,
              STATX_BASIC_STATS, &facts) < 0)
    return EntryKind::kGone;
  entry.owner = {Uid{facts.stx_uid}, Gid{facts.stx_gid}};
  entry.mode = facts.stx_mode;
  entry.links = facts.stx_nlink;
  entry.inode = facts.stx_ino;
  const bool is_mount = (facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  return is_mount ? EntryKind::kMount : EntryKind::kOrdinary;
}

// Opens each directory from the tree's root, so that few descriptors are open and a directory that
// is moved meanwhile does not lead out of the tree.
Fd open_below(int root, const std::string& path) {
  return open_resolved(
      root, path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK,
      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS);
}

}  // namespace

std::string WalkedTree::path_of(std::size_t entry) const {
  std::string path;
  for (; entry != 0; entry = entries[entry].parent)
    path.insert(0, path.empty() ? entries[entry].name : entries[entry].name + "/");
  return path;
}

Result<WalkedTree> walk_tree(const Machine& machine, const std::string& real_path,
                             const std::set<std::string>& others, const WalkLimits& limits) {
  GUARD_TRY(const Fd root, machine.directory(real_path));
  WalkedTree tree;
  Entry top;
  if (look(root.get(), "", top) == EntryKind::kGone)
    return Error::from_errno(errno, quote(real_path));
  tree.entries.push_back(top);
  for (std::size_t at = 0; at < tree.entries.size(); ++at) {
    if (!tree.entries[at].is_directory()) continue;
    const auto below = tree.path_of(at);
    auto fd = open_below(root.get(), below);
    const Handle<DIR, ::closedir> listing(fd ? ::fdopendir(fd.get()) : nullptr);
    if (!listing) {
      if (errno != ENOENT) ++tree.unread;
      continue;
    }
    const int directory = fd.release();
    while (const auto* found = ::readdir(listing.get())) {  // NOLINT(concurrency-mt-unsafe)
      const std::string_view name = found->d_name;
      if (name == "." || name == "..") continue;
      if (tree.entries.size() >= limits.entries || std::chrono::steady_clock::now() > limits.end) {
        tree.is_cut = true;
        return tree;
      }
      Entry entry;
      entry.parent = at;
      entry.name = name;
      const auto kind = look(directory, found->d_name, entry);
      if (kind == EntryKind::kMount) ++tree.mounts;
      if (kind != EntryKind::kOrdinary) continue;
      const auto whole = real_path + "/" + (below.empty() ? "" : below + "/") + entry.name;
      if (!others.contains(whole)) tree.entries.push_back(std::move(entry));
    }
  }
  return tree;
}

}  // namespace guard::machine
