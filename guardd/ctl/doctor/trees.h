// Whether what guardd does works in each tree: on its file system, under its mounts, and with the
// directories above it. look_at_tree() looks, judge_tree() decides from what was seen.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "guardd/ctl/doctor/check.h"
#include "guardd/ctl/doctor/machine.h"
#include "policy/policy_set.h"

namespace guard::doctor {

struct Above {
  std::string path;
  Uid uid;
  Gid gid;
  Mode mode;
};

// What was seen; absent is what could not be.
struct TreeFacts {
  std::string path;
  int error = 0;  // why it cannot be looked at; ENOENT: it is not there
  std::string filesystem;
  std::string mount_point;
  std::string options;  // of the mount and its file system, between commas
  int handles = 0;      // why there are no file handles; 0: there are
  std::optional<std::uint64_t> inodes;
  std::uint64_t inodes_free = 0;
  std::vector<std::string> mounts_below;
  std::vector<Above> above;  // the directories above the tree, up to /
  // Regular files that have a name outside the tree, as far as could be seen in a moment.
  std::uint64_t linked_outside = 0;
  std::string linked_example;
  bool seen_all = true;
};

// `patience`: how long links may be looked for.
TreeFacts look_at_tree(const Machine& machine, const std::string& path,
                       std::chrono::milliseconds patience = std::chrono::milliseconds(500));

void judge_tree(Group& group, const PolicySet& set, const Tree& tree, const TreeFacts& facts);

// Of the policies of these names, or of all where there are none.
Checks tree_checks(const Machine& machine, const PolicySet& set,
                   const std::vector<std::string>& only);

}  // namespace guard::doctor
