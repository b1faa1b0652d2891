// All that is in a tree, as far as who owns it goes. Looks only: by descriptor, never through a
// link, never across a mount, and at no more entries than it is told.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "guardd/ctl/machine/machine.h"
#include "policy/base/ids.h"
#include "policy/base/result.h"

namespace guard::suggest {

struct Owner {
  Uid uid;
  Gid gid;
  friend bool operator==(const Owner&, const Owner&) = default;
  friend bool operator<(const Owner& a, const Owner& b) {
    return a.uid == b.uid ? a.gid.value < b.gid.value : a.uid.value < b.uid.value;
  }
};

struct Entry {
  std::size_t parent = 0;
  std::string name;
  Owner owner;
  std::uint32_t mode = 0;  // with the type

  bool is_directory() const { return (mode & 0170000U) == 0040000U; }
  bool is_regular() const { return (mode & 0170000U) == 0100000U; }
};

struct WalkedTree {
  std::vector<Entry> entries;  // parents before what is in them; the first is the tree's root
  std::size_t unread = 0;      // directories that could not be read
  std::size_t mounts = 0;      // what is mounted below is a tree of its own
  bool is_cut = false;         // there was more than it was told to look at

  // Relative to the tree; empty for its root.
  std::string path_of(std::size_t entry) const;
};

inline constexpr std::size_t kMostEntries = 200'000;

// `others`: absolute paths of trees below this one, which are not looked into.
Result<WalkedTree> walk_tree(const Machine& machine, const std::string& real_path,
                             const std::set<std::string>& others, std::size_t most = kMostEntries);

}  // namespace guard::suggest
