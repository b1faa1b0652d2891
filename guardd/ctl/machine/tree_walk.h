// Lists a tree with the owner of each entry. Only reads: by descriptor, never through a link, never
// across a mount, and never more entries than allowed.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "guardd/ctl/machine/machine.h"
#include "policy/base/ids.h"
#include "policy/base/result.h"

namespace guard::machine {

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
  std::uint32_t links = 1;
  std::uint64_t inode = 0;

  bool is_directory() const { return (mode & 0170000U) == 0040000U; }
  bool is_regular() const { return (mode & 0170000U) == 0100000U; }
};

struct WalkedTree {
  std::vector<Entry> entries;  // parents before their contents; the first is the tree's root
  std::size_t unread = 0;      // directories that could not be read
  std::size_t mounts = 0;      // mount points inside, which were not entered
  bool is_cut = false;         // a limit ended the walk

  // Relative to the tree; empty for its root.
  std::string path_of(std::size_t entry) const;
};

struct WalkLimits {
  std::size_t entries = 200'000;
  std::chrono::steady_clock::time_point end = std::chrono::steady_clock::time_point::max();
};

// `others`: absolute paths of trees below this one, which are not entered.
Result<WalkedTree> walk_tree(const Machine& machine, const std::string& real_path,
                             const std::set<std::string>& others = {},
                             const WalkLimits& limits = {});

}  // namespace guard::machine
