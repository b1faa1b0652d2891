// Whose a tree is, and which of the others in it look meant. Pure.
//
// Meant is: the tree's own root directory, unless systemd gives it to the service; what belongs to
// another user than root; what is root's but of a group that nobody gets by accident; and a whole
// directory of root's with all that is in it, which the service cannot write. Anything else of
// root's is what guardd is there for: it is told, with a rule for it that somebody can put in
// force, and not made a rule. Where code is deployed by git, whole directories of root's are taken
// for accidents, too: git makes them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "guardd/ctl/machine/tree_walk.h"

namespace guard::suggest {

// Entries that belong to one owner, in as few patterns as possible.
struct OwnerRule {
  Owner owner;
  std::vector<std::string> match;
  std::size_t entries = 0;
  std::string example;  // the path of one of them, as it is on disk; empty: the tree's root
};

struct TreeOwners {
  Owner most;
  std::size_t entries = 0;  // without the tree's root
  std::size_t of_most = 0;
  std::vector<OwnerRule> rules;   // first match wins
  std::vector<OwnerRule> strays;  // taken for accidents
  std::vector<OwnerRule> unsaid;  // too many to be written one by one, or not to be written at all
  std::optional<Mode> file_mode;  // that nearly all files have
  std::optional<Mode> dir_mode;
  bool is_deployed_by_git = false;
};

struct Expected {
  std::optional<Uid> owner;    // of a service; else whoever owns most
  std::optional<Gid> group;    // where nothing tells
  bool trusts_present = true;  // whole directories of root's may be meant
  bool is_given = false;       // systemd gives the tree's root to the owner at each start
};

TreeOwners owners_of(const WalkedTree& tree, const Expected& expected);

// How many of the entries below the root belong to this user.
std::size_t owned_by(const WalkedTree& tree, Uid uid);

}  // namespace guard::suggest
