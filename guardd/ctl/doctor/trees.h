// Checks that guardd can work in each tree: its file system, its mounts, the directories above it.
// look_at_tree() collects facts, judge_tree() decides from them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "guardd/ctl/doctor/check.h"
#include "guardd/ctl/machine/machine.h"
#include "policy/policy_set.h"

namespace guard::doctor {

using machine::Machine;

struct ParentDirectory {
  std::string path;
  Uid uid;
  Gid gid;
  Mode mode;
};

// What could not be found out is absent.
struct TreeFacts {
  std::string path;
  int error = 0;  // why it cannot be examined; ENOENT: it does not exist
  std::string filesystem;
  std::string mount_point;
  std::string options;  // of the mount and its file system, between commas
  int handles = 0;      // why there are no file handles; 0 if there are
  std::optional<std::uint64_t> inodes;
  std::uint64_t inodes_free = 0;
  std::vector<std::string> mounts_below;
  std::vector<ParentDirectory> parents;  // up to /
  // Regular files that have a name outside the tree; unknown unless the tree could be read quickly.
  std::uint64_t linked_outside = 0;
  std::string linked_example;
  bool is_complete = true;
};

// `patience`: how long to search for links.
TreeFacts look_at_tree(const Machine& machine, const std::string& path,
                       std::chrono::milliseconds patience = std::chrono::milliseconds(500));

void judge_tree(Group& group, const PolicySet& set, const Tree& tree, const TreeFacts& facts);

// `only`: names of policies; empty for all.
Checks tree_checks(const Machine& machine, const PolicySet& set,
                   const std::vector<std::string>& only);

}  // namespace guard::doctor
